import { join } from 'node:path'
import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import type { Test } from 'tap'
import { openDatabase, type SigningKeyRow } from '../../drizzle/index.ts'
import type { Algorithm } from '../../plugins/jwt.ts'
import { createKeyLifecycle, type KeyLifecycle, stateOf } from '../../plugins/key-lifecycle.ts'

export const SECOND = 1000
export const DAY = 86_400 * SECOND
/** Milliseconds that a key is published before it signs: the JWKS's max-age of 300 s, and somewhat more. */
export const LEAD = 330 * SECOND
/** Milliseconds that a key verifies beyond the expiry of its last token. */
export const MARGIN = 60 * SECOND

/** A deployment's keys, and the processes that look after them. */
export interface Scene {
  /** A lifecycle with a database connection of its own, as each process has. */
  open(settings?: { algorithm?: Algorithm; tokenLifetime?: number }): Promise<KeyLifecycle>
  keys(): Promise<SigningKeyRow[]>
  /** What each key is for, oldest first. */
  states(): Promise<string[]>
  /** Lets time pass: everything that is recorded lies that much further back. */
  pass(milliseconds: number): void
  db: SqliteHandle
}

/** A database file without any key. */
export async function setScene(t: Test): Promise<Scene> {
  const path = join(t.testdir(), 'postern.db')
  const observer = await openDatabase(path)
  const db = new SqliteDriver(path)
  t.teardown(() => observer.close())
  t.teardown(() => db.close())
  const keys = () => observer.signingKeys.list()
  return {
    async open({ algorithm = 'ES256', tokenLifetime = 900 } = {}) {
      const database = await openDatabase(path)
      t.teardown(() => database.close())
      const secretKey = 'a secret for tests, of 32 bytes or more'
      return createKeyLifecycle({ repository: database.signingKeys, secretKey, algorithm, tokenLifetime })
    },
    keys,
    async states() {
      const rows = await keys()
      return rows.map((row) => stateOf(row, rows, new Date()))
    },
    pass(milliseconds) {
      for (const column of ['created_at', 'activates_at', 'retires_at']) {
        db.prepare(`update signing_keys set ${column} = ${column} - ?`).run(milliseconds)
      }
    },
    db,
  }
}

/** The milliseconds from one instant to another. */
export function between(earlier: Date | null | undefined, later: Date | null | undefined): number {
  return (later?.getTime() ?? Number.NaN) - (earlier?.getTime() ?? Number.NaN)
}
