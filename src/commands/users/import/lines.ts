import { isUtf8 } from 'node:buffer'

const NEWLINE = 0x0a

/** The most bytes of a line, ten times as many as any user needs. */
export const MAX_LINE_BYTES = 65_536

/** Some complete lines of a file. */
export interface Block {
  /** The number of the first line, counted from 1. */
  line: number
  /** Ends with a newline, except for the last block of a file. */
  bytes: Buffer
  /** Whether the block is the beginning of a line that is too long. */
  isTooLong: boolean
}

/** Cuts a file into blocks, which are not much longer than one read. */
export async function* readBlocks(input: AsyncIterable<Buffer>): AsyncGenerator<Block> {
  let line = 1
  let rest: Buffer = Buffer.alloc(0)
  let isTooLong = false

  for await (const chunk of input) {
    let bytes = chunk
    if (isTooLong) {
      const end = bytes.indexOf(NEWLINE)
      if (end < 0) continue
      isTooLong = false
      line += 1
      bytes = bytes.subarray(end + 1)
    }
    if (rest.length > 0) bytes = Buffer.concat([rest, bytes])
    const length = bytes.lastIndexOf(NEWLINE) + 1
    if (length > 0) {
      yield { line, bytes: bytes.subarray(0, length), isTooLong: false }
      line += countNewlines(bytes, length)
    }
    rest = bytes.subarray(length)
    if (rest.length > MAX_LINE_BYTES) {
      yield { line, bytes: rest.subarray(0, MAX_LINE_BYTES), isTooLong: true }
      isTooLong = true
      rest = Buffer.alloc(0)
    }
  }
  if (rest.length > 0) yield { line, bytes: rest, isTooLong: false }
}

function countNewlines(bytes: Buffer, length: number): number {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < length; at = bytes.indexOf(NEWLINE, at + 1))
    count += 1
  return count
}

/**
 * The block's lines, without their newlines.
 *
 * @returns null in place of a line that is not UTF-8
 */
export function linesOf({ line, bytes }: Block): (string | null)[] {
  const texts = isUtf8(bytes) ? bytes.toString().split('\n') : splitBytes(bytes).map(decode)
  if (bytes.at(-1) === NEWLINE) texts.pop()
  // A byte-order mark.
  if (line === 1 && texts[0]?.startsWith('\ufeff')) texts[0] = texts[0].slice(1)
  return texts
}

function splitBytes(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let start = 0
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    parts.push(bytes.subarray(start, end))
    start = end + 1
  }
  return [...parts, bytes.subarray(start)]
}

function decode(bytes: Buffer): string | null {
  return isUtf8(bytes) ? bytes.toString() : null
}
