import { setImmediate } from 'node:timers/promises'
import type { AuditEventRow, UserBatches, UserConflict, UserRow } from '../../../../drizzle/index.ts'
import { Batch, type BatchContext } from './batch.ts'
import { createId } from './ids.ts'
import { type ImportRecord, UnreadableError } from './records.ts'
import type { ImportedUser } from './user.ts'

/** Lines to read before yielding to the event loop: a fraction of a millisecond, so that the database is kept busy. */
const STRETCH = 50

/** The options of an import. */
export interface ImportOptions {
  /** Lines that are imported together or not at all. */
  batchSize: number
  /** Whether the good lines of a batch with a bad one are imported. */
  skipBad?: boolean
  /** Whether a line whose e-mail already belongs to a user is skipped instead of bad. */
  skipExisting?: boolean
  /** Whether to write nothing. */
  dryRun?: boolean
}

/** The result of an import, in lines. */
export interface ImportResult {
  lines: number
  /** In a dry run: would be imported. */
  imported: number
  /** Were imported before, and still match. */
  unchanged: number
  /** Have an e-mail that belongs to another user. */
  skipped: number
  bad: number
  /** Are good, but are in a batch with a bad line. */
  heldBack: number
}

/** What an import works with. */
export interface ImportContext extends BatchContext {
  batches: UserBatches
  /** The template for the audit event of each user, who gets an event with ids of its own. */
  event: AuditEventRow
  /** Receives the number of lines of each finished batch. */
  onProgress(lines: number): void
  /** May change users before they are imported. */
  beforeBatch?(users: ImportedUser[]): Promise<void>
  /** Receives each user that is not imported because they exist, and the existing one. */
  onPresent?(user: ImportedUser, existing: UserRow): void
}

type Verdict = 'unchanged' | 'skipped' | 'bad'

/** Imports users in batches. While the database writes a batch, the next one is read. */
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
    // Awaited later: until then, a rejection must not end the process.
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
    batch.add({ line, fault: `${message}; the rest of the file could not be read` })
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

  /** Counts the users that are not imported, and removes them from the batch. */
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
      event: { ...event, id: createId(), userId: user.id },
    }))
    const { inserted, conflicts } = await batches.insert(batch, (conflict) => judge(conflict) !== 'bad')
    settle(conflicts)
    imported = inserted
    // Otherwise the batch was refused because of users that are removed now.
    if (inserted === users.size) users.clear()
  }
  if (users.size > 0) settle(await batches.findConflicts([...users.keys()]))
  result[mayImport() ? 'imported' : 'heldBack'] += users.size
  result.imported += imported
  result.bad += bad + conflicting
  result.lines += lines
  context.onProgress(lines)
}

/** Whether the existing user has all values that the line gives. Other values may have changed. */
function isUnchanged({ given }: ImportedUser, existing: UserRow): boolean {
  return Object.entries(given).every(([name, value]) => {
    const present = existing[name as keyof UserRow]
    if (name === 'disabledAt') return present !== null
    return value instanceof Date
      ? present instanceof Date && present.getTime() === value.getTime()
      : present === value
  })
}

function describeConflict({ user, taken }: UserConflict): string {
  if (!taken) return 'its e-mail or id was taken during the import'
  if (taken.email !== user.email) return 'the id belongs to a user with another e-mail'
  return 'a user with this e-mail already exists, with other values'
}
