import { readdirSync } from 'node:fs'
import { v7 as uuidv7 } from 'uuid'
import type {
  AuditEventRow,
  BlacklistedTokenRow,
  NewUser,
  NewUserRow,
  PrincipalReader,
  PrincipalRow,
  PrincipalSlot,
  SigningKeyRow,
} from '../../drizzle/index.ts'
import { createAuditEvent } from '../../plugins/audit/event.ts'

/** When these rows are created, to the millisecond. */
export const NOW = new Date('2026-11-22T09:30:00.123Z')

/** The instant so many milliseconds after `NOW`. */
export function after(milliseconds: number): Date {
  return new Date(NOW.getTime() + milliseconds)
}

export const HOUR = 3_600_000

/** An instant so many hours before the present: databases compare with their own clock. */
export function ago(hours: number): Date {
  return new Date(Date.now() - hours * HOUR)
}

export function createUser(user: Partial<NewUserRow> = {}): NewUserRow {
  const id = uuidv7()
  return { id, email: `${id}@example.com`, name: null, hashedPassword: '$2b$10$one', createdAt: NOW, ...user }
}

/** A new user and the event about it. */
export function createNewUser(given: Partial<NewUserRow> = {}): NewUser {
  const user = { name: null, disabledAt: null, tokenVersion: 0, ...createUser(given) } as NewUser['user']
  return { user, event: createEvent({ userId: user.id, event: 'user_created' }) }
}

export function createBlacklistedToken(token: Partial<BlacklistedTokenRow> = {}): BlacklistedTokenRow {
  return { jti: uuidv7(), userId: uuidv7(), expiresAt: after(900_000), createdAt: NOW, ...token }
}

export function createSigningKey(key: Partial<SigningKeyRow> = {}): SigningKeyRow {
  return {
    kid: uuidv7(),
    algorithm: 'ES256',
    predecessor: uuidv7(),
    publicKey: 'a public key',
    sealedPrivateKey: 'a sealed key',
    maxTokenLifetime: 900,
    createdAt: NOW,
    activatesAt: NOW,
    retiresAt: null,
    ...key,
  }
}

export function createEvent(event: Partial<AuditEventRow> = {}): AuditEventRow {
  return { ...createAuditEvent('user_updated'), createdAt: NOW, ...event }
}

/** An event of the present, as each write records. SQLite counts the past from the newest one. */
export function createEventNow(): AuditEventRow {
  return createEvent({ createdAt: new Date() })
}

type Key = Pick<PrincipalSlot, 'userId' | 'jti' | 'kid'>

export function createSlot(key: Key): PrincipalSlot {
  return { ...key, row: undefined, state: null }
}

/** Reads about one token for the first time. */
export async function readPrincipal(
  principals: PrincipalReader,
  key: Key,
): Promise<PrincipalRow | undefined> {
  const slot = createSlot(key)
  await principals.load([slot])
  return slot.row
}

/** The number of migrations. */
export function migrationCount(dialect: 'sqlite' | 'postgres' = 'sqlite'): number {
  const folder = new URL(`../../drizzle/${dialect}/migrations/`, import.meta.url)
  return readdirSync(folder).filter((name) => name.endsWith('.sql')).length
}
