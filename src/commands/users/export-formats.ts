import { stringify } from 'csv-stringify/sync'
import { toJson } from '../terminal/text.ts'
import type { Format } from './import/format.ts'
import type { COLUMNS } from './import/records.ts'

type Fields = Partial<Record<(typeof COLUMNS)[number], string | null>>

/** Writes users as text. */
export interface ExportFormat {
  head(columns: readonly string[]): string
  rows(rows: Fields[]): string
}

/** The formats that `users import` reads. */
export const exportFormats: Record<Format, ExportFormat> = {
  ndjson: {
    head: () => '',
    rows: (rows) => rows.map((row) => `${toJson(row)}\n`).join(''),
  },
  csv: {
    head: (columns) => stringify([[...columns]]),
    rows: (rows) => stringify(rows.map((row) => Object.values(row))),
  },
}
