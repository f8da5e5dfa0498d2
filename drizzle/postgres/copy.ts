import { pipeline } from 'node:stream/promises'
import type { SQL } from 'drizzle-orm'
import type { ClientBase } from 'pg'
import { from } from 'pg-copy-streams'
import { sql } from '../drizzle-orm.ts'
import { PgDialect } from './orm.ts'

/**
 * Inserts rows by COPY (https://www.postgresql.org/docs/current/sql-copy.html), which takes them faster than any other statement, and
 * refuses them all where one conflicts.
 *
 * @param into the table, and its columns in the order of a row's values
 * @param rows values as the driver would send them
 */
export async function copyRows(client: ClientBase, into: SQL, rows: Iterable<unknown[]>): Promise<void> {
  const { sql: statement } = new PgDialect().sqlToQuery(sql`copy ${into} from stdin`)
  // The text is made when the statement is on its way: the server gets ready meanwhile.
  await pipeline(toText(rows), client.query(from(statement)))
}

function* toText(rows: Iterable<unknown[]>): Generator<string> {
  let text = ''
  for (const values of rows) text += `${values.map(escapeValue).join('\t')}\n`
  yield text
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** As the text format of COPY has it. */
function escapeValue(value: unknown): string {
  if (value === null) return '\\N'
  const text = String(value)
  // Nearly always there is nothing to escape, which is found out faster so.
  if (!/[\\\t\n\r]/.test(text)) return text
  return text.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character)
}
