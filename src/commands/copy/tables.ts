import type { Database, Snapshot, TableName } from '../../../drizzle/index.ts'
import { startProgress } from '../terminal/progress.ts'
import { keepYoungGenerationSmall } from '../terminal/young-generation.ts'
import { RowChecksum } from './checksum.ts'

/** Rows that are read, written or compared by one statement. */
const BATCH = 1000

/**
 * What is copied, in this order: a service that somebody starts on half a copy must not admit a revoked token, and without the keys it
 * admits none.
 */
const TABLES = [
  'blacklistedTokens',
  'users',
  'clients',
  'auditEvents',
  'signingKeys',
] as const satisfies TableName[]

/** Where the target may hold nothing else. Of the other tables the source's service prunes rows that an earlier attempt has copied. */
const EXCLUSIVE: readonly TableName[] = ['users', 'clients', 'signingKeys']

const NAMES = {
  users: 'users',
  blacklistedTokens: 'blacklisted_tokens',
  signingKeys: 'signing_keys',
  clients: 'clients',
  auditEvents: 'audit_events',
} as const satisfies Record<TableName, string>

/** What has been copied of a table. */
export type CopiedTable = {
  table: string
  rows: number
  /** Those of the rows that had not been there already. */
  inserted: number
  /** Of all the rows, and the same in both databases. */
  checksum: string
}

/**
 * Copies everything that the source has at this moment, and compares the two. After an interruption it may be run again: what is there
 * already stays as it is.
 *
 * @throws where the target holds what is not of the source, or in the end something else than the source
 */
export async function copyTables(source: Database, target: Database): Promise<CopiedTable[]> {
  keepYoungGenerationSmall()
  return await source.withSnapshot(async (snapshot) => {
    await refuseOthers(snapshot, target)
    const copied: { name: TableName; inserted: number; checksum: RowChecksum }[] = []
    for (const name of TABLES) copied.push({ name, ...(await copyTable(snapshot, target, name)) })
    await target.withSnapshot(async (result) => {
      for (const { name, checksum } of copied) await compare(snapshot, result, name, checksum)
    })
    return copied.map(({ name, inserted, checksum }) => ({
      table: NAMES[name],
      rows: checksum.rows,
      inserted,
      checksum: checksum.sum,
    }))
  })
}

/** Before anything is written: what is there must be from an earlier attempt. */
async function refuseOthers(source: Snapshot, target: Database): Promise<void> {
  await target.withSnapshot(async (snapshot) => {
    for (const name of EXCLUSIVE) {
      const others = await countOthers(source, snapshot, name)
      if (others > 0) {
        throw new Error(
          `The target holds ${others} of its own in ${NAMES[name]}, and was left as it is. It must be empty, or hold what an interrupted copy has left. If a service was started on it too early, empty it, and copy before you start one.`,
        )
      }
    }
  })
}

async function countOthers(source: Snapshot, target: Snapshot, name: TableName): Promise<number> {
  let others = 0
  for await (const rows of target.read(name, BATCH)) {
    others += rows.length - (await source.known(name, rows)).length
  }
  return others
}

async function copyTable(
  source: Snapshot,
  target: Database,
  name: TableName,
): Promise<{ inserted: number; checksum: RowChecksum }> {
  const checksum = new RowChecksum()
  const progress = startProgress(`Copying ${NAMES[name]}`, await source.count(name))
  let inserted = 0
  let writing = Promise.resolve()
  for await (const rows of source.read(name, BATCH)) {
    // While the target writes some rows, the next ones are read.
    await writing
    writing = target.insertRows(name, rows).then((count) => {
      inserted += count
      progress.add(rows.length)
    })
    // It is awaited later, which is no reason to end the process before.
    writing.catch(() => {})
    for (const row of rows) checksum.add(row)
  }
  await writing
  progress.end()
  return { inserted, checksum }
}

async function compare(
  source: Snapshot,
  target: Snapshot,
  name: TableName,
  expected: RowChecksum,
): Promise<void> {
  const progress = startProgress(`Comparing ${NAMES[name]}`, expected.rows)
  const checksum = new RowChecksum()
  for await (const rows of target.read(name, BATCH)) {
    for (const row of EXCLUSIVE.includes(name) ? rows : await source.known(name, rows)) checksum.add(row)
    progress.add(rows.length)
  }
  progress.end()
  if (checksum.equals(expected)) return
  throw new Error(
    `${NAMES[name]} differs: ${expected.rows} rows with the checksum ${expected.sum} in the source, ${checksum.rows} with ${checksum.sum} in the target. Rows that were changed after an earlier attempt are never overwritten: stop the service, empty the target, and copy again.`,
  )
}
