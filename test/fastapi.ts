import { createHmac } from 'node:crypto'
import SqliteDriver from 'better-sqlite3'
import { encode } from './forge.ts'

/** The key with which a FastAPI application signs its tokens. */
export const FASTAPI_SECRET = 'the secret of a FastAPI application, as long as it should be'

/** An hour from now, in seconds. */
export const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600

/**
 * Signs a token as python-jose and PyJWT do.
 *
 * @param header an object, or JSON text to be signed exactly as written
 */
export function fastapiToken(
  claims: object,
  header: object | string = { alg: 'HS256', typ: 'JWT' },
  secret = FASTAPI_SECRET,
): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** Creates the SQLite database of a FastAPI application with the statements that SQLAlchemy would run. */
export function createFastapiDatabase(path: string, statements: [sql: string, ...values: unknown[]][]): void {
  const db = new SqliteDriver(path)
  for (const [sql, ...values] of statements) db.prepare(sql).run(...values)
  db.close()
}

/** The tables of the tutorial that most of these applications follow. */
export const FASTAPI_TABLES: [sql: string][] = [
  [
    `create table users (
      id integer not null primary key, email varchar unique, hashed_password varchar, full_name varchar,
      is_active boolean, created_at datetime
    )`,
  ],
  [
    'create table blacklisted_tokens (id integer not null primary key, token varchar unique, created_at datetime)',
  ],
]
