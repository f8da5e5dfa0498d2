import { linesOf, MAX_LINE_BYTES, readBlocks } from './lines.ts'
import type { ImportRecord } from './records.ts'

/** Reads a JSON object from each line (https://github.com/ndjson/ndjson-spec). Empty lines are skipped. */
export async function* readNdjson(input: AsyncIterable<Buffer>): AsyncGenerator<ImportRecord[]> {
  for await (const block of readBlocks(input)) {
    if (block.isTooLong) {
      yield [{ line: block.line, fault: `the line is longer than ${MAX_LINE_BYTES} bytes` }]
      continue
    }
    const records: ImportRecord[] = []
    for (const [index, text] of linesOf(block).entries()) {
      if (text === null || text.trim() !== '') records.push(toRecord(block.line + index, text))
    }
    yield records
  }
}

function toRecord(line: number, text: string | null): ImportRecord {
  if (text === null) return { line, fault: 'the line is not UTF-8 text' }
  if (text.length > MAX_LINE_BYTES) return { line, fault: `the line is longer than ${MAX_LINE_BYTES} bytes` }
  const fields = parse(text)
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return { line, fault: 'the line is not a JSON object' }
  }
  const given = fields as Record<string, unknown>
  for (const name in given) if (given[name] === null) given[name] = undefined
  return { line, fields: given }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
