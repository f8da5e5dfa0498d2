/** Rows as in an old deployment: e-mails in no order, ids in the order of time. */
import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../drizzle/index.ts'
import { createRow } from './import-rows.ts'

const BATCH = 5000
const HOUR = 3_600_000
const BROWSER =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

/**
 * Fills a database with so many users, revoked tokens (the first half of them expired) and audit events.
 */
export async function fill(database: Database, rows: number): Promise<{ userIds: string[]; jtis: string[] }> {
  const userIds: string[] = []
  const jtis: string[] = []
  const now = Date.now()
  for (let done = 0; done < rows; done += BATCH) {
    const indices = Array.from({ length: Math.min(BATCH, rows - done) }, (_, index) => done + index)
    const users = indices.map(createRow)
    await database.insertRows(
      'users',
      users.map(({ eventId: _eventId, ...user }) => ({ ...user, disabledAt: null, tokenVersion: 0 })),
    )
    const tokens = users.map(({ id: userId }, index) => ({
      jti: uuidv7(),
      userId,
      expiresAt: new Date(now + (done + index < rows / 2 ? -2 * HOUR : HOUR)),
      createdAt: new Date(now),
    }))
    await database.insertRows('blacklistedTokens', tokens)
    await database.insertRows(
      'auditEvents',
      tokens.map(({ jti, userId }, index) => ({
        id: uuidv7(),
        event: 'authn_login_success',
        reason: null,
        userId,
        target: jti,
        actor: null,
        address: `198.51.100.${index % 256}`,
        userAgent: BROWSER,
        requestId: uuidv7(),
        createdAt: new Date(now),
      })),
    )
    userIds.push(...users.map(({ id }) => id))
    jtis.push(...tokens.map(({ jti }) => jti))
  }
  return { userIds, jtis }
}
