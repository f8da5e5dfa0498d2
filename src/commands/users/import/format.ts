import { extname } from 'node:path'

/** What accounts are written in. */
export const FORMATS = ['ndjson', 'csv'] as const
export type Format = (typeof FORMATS)[number]

const EXTENSIONS: Record<string, Format> = { '.csv': 'csv', '.ndjson': 'ndjson', '.jsonl': 'ndjson' }

/** The format that a file's name speaks of. */
export function formatOf(path: string): Format | undefined {
  return EXTENSIONS[extname(path).toLowerCase()]
}
