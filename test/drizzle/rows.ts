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

/** The present of these rows, to the millisecond. */
export const NOW = new Date('2026-11-22T09:30:00.123Z')

/** An instant some milliseconds after `NOW`. */
export function after(milliseconds: number): Date {
  return new Date(NOW.getTime() + milliseconds)
}

export function makeUser(user: Partial<NewUserRow> = {}): NewUserRow {
  const id = uuidv7()
  return { id, email: `${id}@example.com`, name: null, hashedPassword: '$2b$10$one', createdAt: NOW, ...user }
}

/** A new account and its event. */
export function makeNew(given: Partial<NewUserRow> = {}): NewUser {
  const user = { name: null, disabledAt: null, tokenVersion: 0, ...makeUser(given) } as NewUser['user']
  return { user, event: makeEvent({ userId: user.id, event: 'user_created' }) }
}

export function makeBlacklistedToken(token: Partial<BlacklistedTokenRow> = {}): BlacklistedTokenRow {
  return { jti: uuidv7(), userId: uuidv7(), expiresAt: after(900_000), createdAt: NOW, ...token }
}

export function makeSigningKey(key: Partial<SigningKeyRow> = {}): SigningKeyRow {
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

export function makeEvent(event: Partial<AuditEventRow> = {}): AuditEventRow {
  return { ...createAuditEvent('user_updated'), createdAt: NOW, ...event }
}

type Key = Pick<PrincipalSlot, 'userId' | 'jti' | 'kid'>

export function makeSlot(key: Key): PrincipalSlot {
  return { ...key, row: undefined, state: null }
}

/** Reads about one token for the first time. */
export async function readPrincipal(
  principals: PrincipalReader,
  key: Key,
): Promise<PrincipalRow | undefined> {
  const slot = makeSlot(key)
  await principals.load([slot])
  return slot.row
}

/** How many steps there are to the present schema. */
export function migrationCount(dialect: 'sqlite' | 'postgres' = 'sqlite'): number {
  const folder = new URL(`../../drizzle/${dialect}/migrations/`, import.meta.url)
  return readdirSync(folder).filter((name) => name.endsWith('.sql')).length
}
