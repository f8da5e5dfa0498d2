import { isUtf8 } from 'node:buffer'
import { pipeline, Readable } from 'node:stream'
import { type Parser, parse } from 'csv-parse'
import { MAX_LINE_BYTES, readBlocks } from './lines.ts'
import { COLUMNS, describeUnknown, type ImportRecord, REQUIRED_COLUMNS, UnreadableError } from './records.ts'

/** Records per batch. */
const STEP = 500

const TOO_LONG = `the line is longer than ${MAX_LINE_BYTES} bytes`

/** The parser's own messages would repeat what it has read. */
const REASONS: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is not closed',
  CSV_INVALID_CLOSING_QUOTE: 'a closing quote is not followed by a comma or the end of the line',
  INVALID_OPENING_QUOTE: 'a field that does not begin with a quote contains one',
  CSV_MAX_RECORD_SIZE: `the record is longer than ${MAX_LINE_BYTES} bytes: perhaps a quote is not closed`,
}

/** A record, as the parser returns it. */
interface Parsed {
  record: string[]
  /** `lines` is the number of lines up to the end of the record. */
  info: { lines: number }
}

/** Why reading ends early, and after how many records. */
interface Failure {
  reason: string
  records: number
}

/**
 * Reads CSV (RFC 4180) whose first line names the columns. Empty lines are skipped.
 *
 * @throws UnreadableError if the rest of the file cannot be read
 */
export async function* readCsv(input: AsyncIterable<Buffer>): AsyncGenerator<ImportRecord[]> {
  let failure: Failure | undefined
  const parser = parse({
    bom: true,
    info: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE_BYTES,
    // An error would discard the records that were parsed before it but not consumed yet.
    skip_records_with_error: true,
    on_skip: (error) => {
      failure ??= {
        reason: REASONS[error?.code ?? ''] ?? 'the line is not CSV',
        records: parser.info.records,
      }
      return undefined
    },
  })

  async function* bytes(): AsyncGenerator<Buffer> {
    for await (const block of readBlocks(input)) {
      // The line may have an opening quote, so the next line may be inside that field.
      if (block.isTooLong) failure ??= { reason: TOO_LONG, records: Number.POSITIVE_INFINITY }
      if (failure) return
      yield markBadText(block.bytes)
    }
  }

  // An error here is also thrown by the loop below.
  pipeline(Readable.from(bytes()), parser, () => {})
  let names: string[] | undefined
  let count = 0
  let end = 0
  let extra = 0
  let records: ImportRecord[] = []
  reading: for await (const group of readGroups(parser)) {
    for (const { record, info } of group) {
      count += 1
      if (failure && count > failure.records) break reading
      const breaks = countBreaks(record)
      end = info.lines - extra - breaks.returns
      if (names) records.push(toRecord(end - breaks.newlines, names, record))
      else names = readHeader(record)
      extra += breaks.returns
    }
    if (records.length < STEP) continue
    yield records
    records = []
  }
  if (records.length > 0) yield records
  if (failure) throw new UnreadableError(end + 1, failure.reason)
  if (!names) throw new UnreadableError(1, 'the file is empty: its first line must name the columns')
}

/** Reads all records that are parsed already at once: awaiting each record costs a tenth of the total time. */
async function* readGroups(parser: Parser): AsyncGenerator<Parsed[]> {
  for await (const first of parser as AsyncIterable<Parsed>) {
    const group = [first]
    for (let next: Parsed | null = parser.read(); next !== null; next = parser.read()) group.push(next)
    yield group
  }
}

/** Replaces bytes that are not UTF-8 by NULs, which make their field invalid and leave the other records unchanged. */
function markBadText(bytes: Buffer): Buffer {
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString().replaceAll('\u{fffd}', '\0'))
}

const NO_BREAKS = { newlines: 0, returns: 0 }

/** Within quotes, the parser also counts a carriage return as a line. */
function countBreaks(record: string[]): { newlines: number; returns: number } {
  if (!record.some((field) => field.includes('\n') || field.includes('\r'))) return NO_BREAKS
  const text = record.join()
  return { newlines: text.split('\n').length - 1, returns: text.split('\r').length - 1 }
}

/** @throws UnreadableError */
function readHeader(record: string[]): string[] {
  const names = record.map((name) => name.trim().toLowerCase())
  const unknown = names.find((name) => !(COLUMNS as readonly string[]).includes(name))
  if (unknown !== undefined) throw new UnreadableError(1, describeUnknown(unknown))
  const missing = REQUIRED_COLUMNS.find((name) => !names.includes(name))
  if (missing !== undefined)
    throw new UnreadableError(1, `the first line does not name the column ${missing}`)
  if (new Set(names).size < names.length) throw new UnreadableError(1, 'a column is named twice')
  return names
}

function toRecord(line: number, names: string[], record: string[]): ImportRecord {
  if (record.length !== names.length) {
    return { line, fault: `the line has ${record.length} fields, the first line ${names.length}` }
  }
  const fields: Record<string, string | undefined> = {}
  for (const [index, name] of names.entries()) fields[name] = record[index] || undefined
  return { line, fields }
}
