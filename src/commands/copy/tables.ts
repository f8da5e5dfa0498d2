import type { Database, Snapshot, TableInfo } from '../../../drizzle/index.ts'
import { startProgress } from '../terminal/progress.ts'
import { keepYoungGenerationSmall } from '../terminal/young-generation.ts'
import { RowChecksum } from './checksum.ts'

/** How many rows one statement reads, writes or compares. */
const BATCH = 1000

/** The result for one table. */
export type CopiedTable = {
  table: string
  rows: number
  /** How many of the rows were not in the target before. */
  inserted: number
  /** Of all rows; the same in both databases. */
  checksum: string
}

/**
 * Copies all tables of the source as they are at this moment, and compares the two databases. It can be repeated after
 * an interruption: it never changes rows that are in the target.
 *
 * @throws if the target has users, clients or keys that the source does not have, or if the two differ in the end
 */
export async function copyTables(source: Database, target: Database): Promise<CopiedTable[]> {
  keepYoungGenerationSmall()
  return await source.withSnapshot(async (snapshot) => {
    const tables = source.listTables()
    await refuseOthers(snapshot, target, tables)
    const copied: { table: TableInfo; inserted: number; checksum: RowChecksum }[] = []
    for (const table of tables) copied.push({ table, ...(await copyTable(snapshot, target, table)) })
    await target.withSnapshot(async (result) => {
      for (const { table, checksum } of copied) await compare(snapshot, result, table, checksum)
    })
    return copied.map(({ table, inserted, checksum }) => ({
      table: table.sqlName,
      rows: checksum.rows,
      inserted,
      checksum: checksum.sum,
    }))
  })
}

/** Makes sure, before anything is written, that the target is empty or holds an earlier attempt. */
async function refuseOthers(source: Snapshot, target: Database, tables: TableInfo[]): Promise<void> {
  await target.withSnapshot(async (snapshot) => {
    for (const table of tables) {
      // The source's service may have pruned rows that an earlier attempt has copied.
      if (table.isPruned) continue
      const others = await countOthers(source, snapshot, table)
      if (others > 0) {
        throw new Error(
          `The target has rows in ${table.sqlName} that the source does not have: ${others}. It was left unchanged. ` +
            'It must be empty, or hold what an interrupted copy left. ' +
            'If a service was started on it too early, empty it, and copy before you start a service.',
        )
      }
    }
  })
}

async function countOthers(source: Snapshot, target: Snapshot, { name }: TableInfo): Promise<number> {
  let others = 0
  for await (const rows of target.read(name, BATCH)) {
    others += rows.length - (await source.known(name, rows)).length
  }
  return others
}

async function copyTable(
  source: Snapshot,
  target: Database,
  { name, sqlName }: TableInfo,
): Promise<{ inserted: number; checksum: RowChecksum }> {
  const checksum = new RowChecksum()
  const progress = startProgress(`Copying ${sqlName}`, await source.count(name))
  let inserted = 0
  let writing = Promise.resolve()
  for await (const rows of source.read(name, BATCH)) {
    // The next rows are read while the target writes these.
    await writing
    writing = target.insertRows(name, rows).then((count) => {
      inserted += count
      progress.add(rows.length)
    })
    // It is awaited later. Until then a rejection must not end the process.
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
  { name, sqlName, isPruned }: TableInfo,
  expected: RowChecksum,
): Promise<void> {
  const progress = startProgress(`Comparing ${sqlName}`, expected.rows)
  const checksum = new RowChecksum()
  for await (const rows of target.read(name, BATCH)) {
    for (const row of isPruned ? await source.known(name, rows) : rows) checksum.add(row)
    progress.add(rows.length)
  }
  progress.end()
  if (checksum.equals(expected)) return
  throw new Error(
    `${sqlName} differs: ${expected.rows} rows with the checksum ${expected.sum} in the source, ` +
      `${checksum.rows} with ${checksum.sum} in the target. ` +
      'Rows that changed after an earlier attempt are never overwritten. ' +
      'Stop the service, empty the target, and copy again.',
  )
}
