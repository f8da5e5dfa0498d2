import type { Client } from 'pg'
import { inspectRows, type PostgresInspection } from '../inspection.ts'
import type { ServerSettings } from '../server-settings.ts'
import { asSharedDatabase, createSharedTables } from './dialect.ts'
import { postgresSchemaState } from './migrate.ts'
import { pg } from './orm.ts'

/** Milliseconds that a query may take. */
const QUERY_TIMEOUT = 10_000

/** What the server says about itself. Servers compatible with PostgreSQL may lack some settings. */
const FACTS = `
  select version() as server,
    current_setting('server_encoding') as encoding,
    current_setting('synchronous_commit') as "synchronousCommit",
    coalesce(current_setting('fsync', true), 'on') = 'on' as fsync,
    coalesce(current_setting('full_page_writes', true), 'on') = 'on' as "fullPageWrites",
    current_setting('transaction_read_only') = 'on' as "isReadOnly",
    pg_backend_pid() = $1 as "isDirect",
    coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as "isEncrypted",
    (select count(*)::int from pg_stat_activity
      where application_name = 'postern' and pid <> pg_backend_pid()) as connections,
    least(
      current_setting('max_connections')::int
        - coalesce(current_setting('superuser_reserved_connections', true), '0')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int,
      (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
      (select nullif(datconnlimit, -1) from pg_database where datname = current_database())
    ) as "connectionLimit"`

/** The privileges that a service needs on its tables. */
const PRIVILEGES = ['select', 'insert', 'update', 'delete']

type Facts = Omit<
  PostgresInspection,
  | 'schema'
  | 'signingKeys'
  | 'emails'
  | 'hashCosts'
  | 'latest'
  | 'writeFault'
  | 'clockOffset'
  | 'clockUncertainty'
> & { isReadOnly: boolean }

/**
 * Inspects a database on a server, without changing it.
 *
 * @throws if the server does not answer
 */
export async function inspectPostgres(
  url: string,
  { databaseSchema: schema, databaseConnectTimeoutMs }: ServerSettings,
): Promise<PostgresInspection> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: databaseConnectTimeoutMs,
    query_timeout: QUERY_TIMEOUT,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    const { processID } = client as { processID?: number | null }
    const { rows } = await client.query<Facts>(FACTS, [processID ?? 0])
    const { isReadOnly, ...facts } = rows[0] as Facts
    const clock = await compareClocks(client)
    await client.query('begin isolation level repeatable read read only')
    await client.query(`select set_config('search_path', quote_ident($1), true)`, [schema])
    const state = await postgresSchemaState(client, schema)
    const tables = createSharedTables(schema)
    return {
      ...facts,
      ...clock,
      schema: state,
      writeFault: isReadOnly
        ? 'the server is read-only, like a standby'
        : await findMissingPrivilege(client, schema, state === 'none'),
      ...(state === 'none' || state === 'outdated'
        ? { signingKeys: undefined, emails: [], hashCosts: [], latest: undefined }
        : await inspectRows(asSharedDatabase(client), tables)),
    }
  } finally {
    await client.end()
  }
}

/** The server read its clock at some moment between the query and its result. */
async function compareClocks(
  client: Client,
): Promise<Pick<PostgresInspection, 'clockOffset' | 'clockUncertainty'>> {
  const sent = Date.now()
  const { rows } = await client.query<{ now: string }>(
    'select extract(epoch from clock_timestamp()) * 1000 as now',
  )
  const received = Date.now()
  return {
    clockOffset: Number(rows[0]?.now) - (sent + received) / 2,
    clockUncertainty: (received - sent) / 2,
  }
}

async function findMissingPrivilege(
  client: Client,
  schema: string,
  isEmpty: boolean,
): Promise<string | undefined> {
  if (isEmpty) return await findMissingCreatePrivilege(client, schema)
  const { rows } = await client.query<{ missing: string }>(
    `select privilege || ' on ' || tablename as missing
     from pg_tables, unnest($2::text[]) as privilege
     where schemaname = $1
       and not has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), privilege)
     order by 1 limit 1`,
    [schema, PRIVILEGES],
  )
  return rows[0] && `the role lacks the privilege to ${rows[0].missing}`
}

/** The service creates the tables at its first start, and the schema too if it does not exist. */
async function findMissingCreatePrivilege(client: Client, schema: string): Promise<string | undefined> {
  const { rows } = await client.query<{ may: boolean }>(
    `select coalesce(
       (select has_schema_privilege(nspname, 'create') from pg_namespace where nspname = $1),
       has_database_privilege(current_database(), 'create')) as may`,
    [schema],
  )
  return rows[0]?.may ? undefined : `the role lacks the privilege to create tables in the schema ${schema}`
}
