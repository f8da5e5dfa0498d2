import { setImmediate } from 'node:timers/promises'
import type { AuditEventRow, UserBatches, UserConflict, UserRow } from '../../../../drizzle/index.ts'
import { Batch, type BatchContext } from './batch.ts'
import { makeId } from './ids.ts'
import { type ImportRecord, UnreadableError } from './records.ts'
import type { ImportedUser } from './user.ts'

/** Lines that are read at a stretch, a fraction of a millisecond: the database must not wait for long for its next statement. */
const STRETCH = 50

/** How an import goes about it. */
export interface ImportOptions {
  /** Lines that are imported all together or not at all. */
  batchSize: number
  /** Whether the good lines beside a bad one are imported. */
  skipBad: boolean
  /** Whether an e-mail that has an account already is no fault. */
  skipExisting: boolean
  /** Whether nothing is written. */
  dryRun: boolean
}

/** What came of it, in lines. */
export interface ImportResult {
  lines: number
  /** Or would be, in a dry run. */
  imported: number
  /** Were imported before, and are there as they were. */
  unchanged: number
  /** Have an e-mail that has another account. */
  skipped: number
  bad: number
  /** Are good, but have a bad one in their batch. */
  heldBack: number
}

/** What an import works on. */
export interface ImportContext extends BatchContext {
  batches: UserBatches
  /** The event of each account, but for its id and its account. */
  event: AuditEventRow
  /** Told of lines that are done with. */
  onProgress(lines: number): void
  /** May change what is about to be imported. */
  beforeBatch?(users: ImportedUser[]): Promise<void>
  /** Told of accounts that are not imported since they are there already, and of what is there. */
  onPresent?(user: ImportedUser, there: UserRow): void
}

type Verdict = 'unchanged' | 'skipped' | 'bad'

/** Imports accounts, a batch at a time. While the database has one, the next is read. */
export async function importUsers(
  records: AsyncIterable<ImportRecord[]>,
  options: ImportOptions,
  context: ImportContext,
): Promise<ImportResult> {
  const result = { lines: 0, imported: 0, unchanged: 0, skipped: 0, bad: 0, heldBack: 0 }
  let batch = new Batch(context)
  let importing = Promise.resolve()

  async function importGathered(): Promise<void> {
    const gathered = batch
    batch = new Batch(context)
    await importing
    importing = importBatch(gathered, options, context, result)
    // It is awaited later, which is no reason to end the process before.
    importing.catch(() => {})
  }

  try {
    for await (const step of records) {
      for (const record of step) {
        batch.add(record)
        if (batch.lines % STRETCH === 0) await setImmediate()
        if (batch.lines === options.batchSize) await importGathered()
      }
    }
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error
    const { line, message } = error
    batch.add({ line, fault: `${message}; nothing could be read from here on` })
  }
  if (batch.lines > 0) await importGathered()
  await importing
  return result
}

async function importBatch(
  { lines, bad, users }: Batch,
  { skipBad, skipExisting, dryRun }: ImportOptions,
  context: ImportContext,
  result: ImportResult,
): Promise<void> {
  const { batches, event, onBadLine } = context
  let conflicting = 0

  function judge({ user, taken }: UserConflict): Verdict {
    const entry = users.get(user)
    if (!entry || !taken) return 'bad'
    if (isUnchanged(entry, taken)) return 'unchanged'
    return skipExisting && taken.email === user.email ? 'skipped' : 'bad'
  }

  /** Counts those who are not to be imported, and takes them out. */
  function settle(conflicts: UserConflict[]): void {
    for (const conflict of conflicts) {
      const entry = users.get(conflict.user)
      if (!entry) continue
      const verdict = judge(conflict)
      if (verdict === 'bad') {
        conflicting += 1
        onBadLine({ line: entry.line, reasons: [describeConflict(conflict)] })
      } else {
        result[verdict] += 1
        if (conflict.taken) context.onPresent?.(entry, conflict.taken)
      }
      users.delete(conflict.user)
    }
  }

  await context.beforeBatch?.([...users.values()])
  const mayImport = () => skipBad || bad + conflicting === 0
  let imported = 0
  while (users.size > 0 && mayImport() && !dryRun) {
    const batch = [...users.keys()].map((user) => ({
      user,
      event: { ...event, id: makeId(), userId: user.id },
    }))
    const { inserted, conflicts } = await batches.insert(batch, (conflict) => judge(conflict) !== 'bad')
    settle(conflicts)
    imported = inserted
    // Else refused as a whole, for the sake of some that are out now.
    if (inserted === users.size) users.clear()
  }
  if (users.size > 0) settle(await batches.findConflicts([...users.keys()]))
  result[mayImport() ? 'imported' : 'heldBack'] += users.size
  result.imported += imported
  result.bad += bad + conflicting
  result.lines += lines
  context.onProgress(lines)
}

/** Whether an account is there as its line says. What the line does not say may have changed. */
function isUnchanged({ given }: ImportedUser, there: UserRow): boolean {
  return Object.entries(given).every(([name, value]) => {
    const present = there[name as keyof UserRow]
    if (name === 'disabledAt') return present !== null
    return value instanceof Date
      ? present instanceof Date && present.getTime() === value.getTime()
      : present === value
  })
}

function describeConflict({ user, taken }: UserConflict): string {
  if (!taken) return 'its e-mail or id was taken at the same moment'
  if (taken.email !== user.email) return 'the id belongs to an account with another e-mail'
  return 'the e-mail belongs to an account already, which differs'
}
