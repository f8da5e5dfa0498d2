import type { Database as SqliteHandle } from 'better-sqlite3'
import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Statement, Steps, Transact } from '../transactions.ts'
import { assertNoTransaction } from './retry-busy.ts'

/** A transaction in the queue. */
interface Job {
  run(): unknown
  resolve(result: unknown): void
  reject(error: unknown): void
}

/**
 * Commits all transactions of one turn of the event loop together, since the commit is what waits for the disk, and
 * blocks the event loop. Each one is a savepoint, so that if it fails, the others do not.
 */
export function createSqliteTransact(db: SqliteDatabase): Transact {
  const handle = db.$client
  const runAll = groupCommit(handle)
  let queue: Job[] = []

  function commit(): void {
    const jobs = queue
    queue = []
    try {
      assertNoTransaction(handle)
      for (const settle of runAll(jobs)) settle()
    } catch (error) {
      for (const { reject } of jobs) reject(error)
    }
  }

  return <T>(steps: (db: SqliteDatabase) => Steps<T>) =>
    new Promise<T>((resolve, reject) => {
      const job = { run: () => runSteps(steps(db)), resolve: resolve as Job['resolve'], reject }
      if (queue.push(job) === 1) setImmediate(commit)
    })
}

/** Runs jobs in one transaction. @returns functions that settle the jobs' promises, to be called after the commit */
function groupCommit(handle: SqliteHandle): (jobs: Job[]) => (() => void)[] {
  const savepoint = handle.transaction((job: Job) => job.run())
  const group = handle.transaction((jobs: Job[]) =>
    jobs.map((job) => {
      try {
        const result = savepoint(job)
        return () => job.resolve(result)
      } catch (error) {
        // Some errors, mostly of the disk, end the whole transaction.
        if (!handle.inTransaction) throw error
        return () => job.reject(error)
      }
    }),
  )
  // With the write lock from the start: turning a read lock into one may fail.
  return group.immediate
}

function runSteps<T>(steps: Steps<T>): T {
  let step: IteratorResult<Statement, T> = steps.next()
  while (!step.done) step = steps.next(step.value.all())
  return step.value
}
