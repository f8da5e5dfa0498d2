import type { Test } from 'tap'
import type { SigningKeyRow } from '../../drizzle/index.ts'
import { createAuditEvent } from '../../plugins/audit/event.ts'
import { prune } from '../../plugins/database/pruning.ts'
import type { Algorithm } from '../../plugins/signing-keys/algorithms.ts'
import { createKeyLifecycle, type KeyLifecycle, stateOf } from '../../plugins/signing-keys/lifecycle.ts'
import { createEvent } from '../drizzle/rows.ts'
import { type Beside, openBeside, openShared, sharedSettings } from '../shared-database.ts'

export const SECOND = 1000
export const DAY = 86_400 * SECOND
/** Milliseconds that a key is published before it signs: the JWKS's max-age of 300 s, and somewhat more. */
export const LEAD = 330 * SECOND
/** Milliseconds that a key verifies beyond the expiry of its last token. */
export const MARGIN = 60 * SECOND

/** A deployment's keys, and the processes that maintain them. */
export interface Scene {
  /** A lifecycle with a database connection of its own, as each process has. */
  open(settings?: {
    algorithm?: Algorithm
    accessTokenExpireMinutes?: number
    /** What others do just before this process makes its first call of that name. */
    before?: Partial<Record<'activate' | 'end' | 'insertSuccessor', () => Promise<unknown>>>
  }): Promise<KeyLifecycle>
  keys(): Promise<SigningKeyRow[]>
  /** Retires a key as `postern keys retire` does. */
  retire(kid: string): Promise<unknown>
  /** Deletes what has expired, as the service does in the background. */
  prune(): Promise<unknown>
  /** The states of the keys, oldest first. */
  states(): Promise<string[]>
  /** Lets time pass: moves all recorded times into the past. */
  pass(milliseconds: number): Promise<void>
  db: Beside
}

/** A database without any key. */
export async function setScene(t: Test): Promise<Scene> {
  const settings = await sharedSettings(t)
  const observer = await openShared(t, settings)
  const db = openBeside(t, settings)
  const keys = () => observer.signingKeys.list()
  return {
    async open({ algorithm = 'ES256', accessTokenExpireMinutes = 15, before = {} } = {}) {
      const database = await openShared(t, settings)
      const secretKey = settings.SECRET_KEY
      return createKeyLifecycle({
        repository: interrupted(database.signingKeys, before),
        secretKey,
        algorithm,
        accessTokenExpireMinutes,
      })
    },
    keys,
    retire: (kid) => observer.signingKeys.retire(kid, createEvent()),
    async prune() {
      // As a running service would have recorded by now.
      await observer.auditEvents.insert(createAuditEvent('authn_login_success'))
      return await prune(observer, { auditRetentionDays: 90 }, 100)
    },
    async states() {
      const rows = await keys()
      return rows.map((row) => stateOf(row, rows, new Date()))
    },
    pass: (milliseconds) => setBack(db, milliseconds),
    db,
  }
}

type Call = (...parameters: never[]) => Promise<unknown>

/** Calls a function before the first call of a method. */
function interrupted<Calls extends Record<string, Call>>(
  repository: Calls,
  before: Partial<Record<string, () => Promise<unknown>>>,
): Calls {
  const changed = Object.entries(before).map(([name, happen]) => {
    let isFirst = true
    const call = async (...parameters: never[]) => {
      if (isFirst) {
        isFirst = false
        await happen?.()
      }
      return await repository[name]?.(...parameters)
    }
    return [name, call]
  })
  return { ...repository, ...Object.fromEntries(changed) }
}

/** Makes all keys older. */
export async function setBack(db: Beside, milliseconds: number): Promise<void> {
  for (const { kid, ...times } of await db.all(
    'select kid, created_at, activates_at, retires_at from signing_keys',
  )) {
    const earlier = Object.values(times).map((time) =>
      time instanceof Date ? new Date(time.getTime() - milliseconds) : null,
    )
    await db.run(
      'update signing_keys set created_at = ?, activates_at = ?, retires_at = ? where kid = ?',
      ...earlier,
      kid,
    )
  }
}

/** The milliseconds from one instant to another. */
export function between(earlier: Date | null | undefined, later: Date | null | undefined): number {
  return (later?.getTime() ?? Number.NaN) - (earlier?.getTime() ?? Number.NaN)
}
