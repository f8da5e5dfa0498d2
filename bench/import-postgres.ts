import { finished } from 'node:stream/promises'
import pg from 'pg'
import { from } from 'pg-copy-streams'
import type { BulkRow } from './import-rows.ts'

/** Inserts rows by COPY, whose text is prepared first. @returns seconds */
export async function insertIntoPostgres(url: string, schema: string, batches: BulkRow[][]): Promise<number> {
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}` })
  await client.connect()
  const texts = batches.map((rows) => ({
    users: toText(rows, ({ id, email, name, hashedPassword, createdAt }) => [
      id,
      email,
      name,
      hashedPassword,
      createdAt.toISOString(),
    ]),
    events: toText(rows, ({ eventId, id, createdAt }) => [
      eventId,
      'user_created',
      'imported',
      id,
      'root',
      createdAt.toISOString(),
    ]),
  }))
  const begun = performance.now()
  for (const { users, events } of texts) {
    await client.query('begin')
    await copy(client, 'users (id, email, name, hashed_password, created_at)', users)
    await copy(client, 'audit_events (id, event, reason, user_id, actor, created_at)', events)
    await client.query('commit')
  }
  const seconds = (performance.now() - begun) / 1000
  await client.end()
  return seconds
}

/** The text format of COPY. Nothing in these rows needs escaping. */
function toText(rows: BulkRow[], toCells: (row: BulkRow) => string[]): Buffer {
  return Buffer.from(rows.map((row) => `${toCells(row).join('\t')}\n`).join(''))
}

async function copy(client: pg.Client, target: string, text: Buffer): Promise<void> {
  await finished(client.query(from(`copy ${target} from stdin`)).end(text))
}
