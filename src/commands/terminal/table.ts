import { printable, toJson } from './text.ts'

/** A row of a table, by column. */
export type Fields = Record<string, string | number | boolean | null>

/** Prints records: as a table for a person, or as JSON for a script. */
export function print(records: Fields[], { json }: { json?: true }): void {
  console.log(json ? toJson(records, 2) : table(records))
}

function table(records: Fields[]): string {
  const [first] = records
  if (!first) return 'none'
  const columns = Object.keys(first)
  const rows = records.map((record) => columns.map((name) => printable(String(record[name] ?? ''))))
  const widths = columns.map((name, index) =>
    Math.max(name.length, ...rows.map((cells) => cells[index]?.length ?? 0)),
  )
  const line = (cells: string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [columns, ...rows].map(line).join('\n')
}
