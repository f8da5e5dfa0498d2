import { pipeline } from 'node:stream/promises'
import type { SQL } from 'drizzle-orm'
import type { ClientBase } from 'pg'
import { from } from 'pg-copy-streams'
import { sql } from '../drizzle-orm.ts'
import { PgDialect } from './orm.ts'

/**
 * Inserts rows by COPY (https://www.postgresql.org/docs/current/sql-copy.html): the fastest statement, which fails as a
 * whole if one row conflicts.
 *
 * @param into the table, and its columns in the order of a row's values
 * @param rows their values, as the driver would send them
 */
export async function copyRows(client: ClientBase, into: SQL, rows: Iterable<unknown[]>): Promise<void> {
  const { sql: statement } = new PgDialect().sqlToQuery(sql`copy ${into} from stdin`)
  // The generator runs only after the statement was sent, so that the server can prepare for the rows.
  await pipeline(toText(rows), client.query(from(statement)))
}

function* toText(rows: Iterable<unknown[]>): Generator<string> {
  let text = ''
  for (const values of rows) text += `${values.map(escapeValue).join('\t')}\n`
  yield text
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escapeValue(value: unknown): string {
  if (value === null) return '\\N'
  const text = String(value)
  // Hardly any value needs it, and a test is faster than a replacement.
  if (!/[\\\t\n\r]/.test(text)) return text
  return text.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character)
}
