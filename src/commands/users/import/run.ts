import { randomInt } from 'node:crypto'
import type { Context } from '../../context.ts'
import { startProgress } from '../../terminal/progress.ts'
import { toJson } from '../../terminal/text.ts'
import { keepYoungGenerationSmall } from '../../terminal/young-generation.ts'
import { type ImportContext, type ImportOptions, type ImportResult, importUsers } from './importer.ts'
import type { ImportRecord } from './records.ts'
import { type BadLine, UserReader } from './user.ts'

/** The exit code of an import with bad lines. */
const BAD_LINES = 3

/** Above any version that a user reaches in practice; random, so that no other import has the same. */
const TOKEN_VERSIONS = [1_000_000, 1_000_000_000] as const

/** Imports users, prints the result, and sets the process's exit code. */
export async function runImport(
  { database, audit }: Context,
  records: AsyncIterable<ImportRecord[]>,
  options: ImportOptions,
  { json, ...more }: { json: true | undefined } & Pick<ImportContext, 'unit' | 'beforeBatch' | 'onPresent'>,
): Promise<ImportResult> {
  keepYoungGenerationSmall()
  const progress = startProgress('Read')
  const result = await audit('user_created', { reason: 'imported' }, (event) =>
    importUsers(records, options, {
      batches: database.openUserBatches(),
      reader: new UserReader(randomInt(...TOKEN_VERSIONS), event.createdAt),
      event,
      onBadLine: (line) => (json ? printBadLine(line, more.unit) : warnOfBadLine(line, more.unit)),
      onProgress: progress.add,
      ...more,
    }),
  )
  progress.end()
  if (result.bad > 0) process.exitCode = BAD_LINES
  console.log(json ? toJson(toRecord(result)) : describe(result, options, more.unit))
  return result
}

function printBadLine({ line, reasons }: BadLine, unit: string): void {
  console.log(toJson({ [unit]: line, reasons }))
}

function warnOfBadLine({ line, reasons }: BadLine, unit: string): void {
  // Replaces the progress line.
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  console.error(`${unit} ${line}: ${reasons.join('; ')}`)
}

function toRecord({ heldBack, ...result }: ImportResult): Record<string, number> {
  return { ...result, held_back: heldBack }
}

function describe(result: ImportResult, { dryRun }: ImportOptions, unit: 'line' | 'user'): string {
  const { lines, imported, unchanged, skipped, bad, heldBack } = result
  const parts = [
    `${dryRun ? 'would be imported' : 'imported'}: ${imported}`,
    `unchanged: ${unchanged}`,
    ...(skipped > 0 ? [`skipped: ${skipped}`] : []),
    `bad: ${bad}`,
    ...(heldBack > 0 ? [`held back in a batch with a bad one: ${heldBack}`] : []),
  ]
  return `${unit === 'line' ? 'Lines' : 'Users'}: ${lines}; ${parts.join(', ')}.`
}
