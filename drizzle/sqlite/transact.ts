import type { Database as SqliteHandle } from 'better-sqlite3'
import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Statement, Steps, Transact } from '../transactions.ts'

/** A transaction that waits for its turn. */
interface Job {
  run(): unknown
  resolve(result: unknown): void
  reject(error: unknown): void
}

/**
 * Commits everything that has been asked for in the same turn of the event loop by one commit, since it is the commit that waits for the
 * disk, and the event loop with it. Each job is a savepoint: where one fails, the others do not.
 */
export function createSqliteTransact(db: SqliteDatabase): Transact {
  const handle = db.$client
  const runAll = groupCommit(handle)
  let waiting: Job[] = []

  function commit(): void {
    const jobs = waiting
    waiting = []
    try {
      for (const settle of runAll(jobs)) settle()
    } catch (error) {
      for (const { reject } of jobs) reject(error)
    }
  }

  return <T>(steps: (db: SqliteDatabase) => Steps<T>) =>
    new Promise<T>((resolve, reject) => {
      const job = { run: () => runSteps(steps(db)), resolve: resolve as Job['resolve'], reject }
      if (waiting.push(job) === 1) setImmediate(commit)
    })
}

/** Runs jobs in one transaction; what it returns tells each of them how it went, to be called after the commit. */
function groupCommit(handle: SqliteHandle): (jobs: Job[]) => (() => void)[] {
  const savepoint = handle.transaction((job: Job) => job.run())
  const group = handle.transaction((jobs: Job[]) =>
    jobs.map((job) => {
      try {
        const result = savepoint(job)
        return () => job.resolve(result)
      } catch (error) {
        // Some failures, of the disk above all, end the whole transaction.
        if (!handle.inTransaction) throw error
        return () => job.reject(error)
      }
    }),
  )
  // At once, since a lock that is first only for reading may be refused later.
  return group.immediate
}

function runSteps<T>(steps: Steps<T>): T {
  let step: IteratorResult<Statement, T> = steps.next()
  while (!step.done) step = steps.next(step.value.all())
  return step.value
}
