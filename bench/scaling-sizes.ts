/** The sizes of tables and indexes, as the database reports them. */
import SqliteDriver from 'better-sqlite3'
import pg from 'pg'

/** Bytes of a table, and of all its indexes. */
export interface Size {
  table: string
  heap: number
  indexes: number
}

/** Runs the database's maintenance, so that sizes are those of a database at rest. */
export type Settle = () => Promise<void>

export interface Sizes {
  settle: Settle
  measure(): Promise<Size[]>
  /** Bytes in all. */
  total(): Promise<number>
  close(): Promise<void>
}

const TABLES = ['users', 'blacklisted_tokens', 'audit_events']

export function sqliteSizes(path: string): Sizes {
  const handle = new SqliteDriver(path)
  const relations = handle.prepare<[], { name: string; tbl_name: string; bytes: number }>(
    `select dbstat.name, tbl_name, sum(pgsize) bytes
     from dbstat join sqlite_schema on sqlite_schema.name = dbstat.name group by dbstat.name`,
  )
  return {
    settle: async () => void handle.pragma('wal_checkpoint(truncate)'),
    measure: async () =>
      summarize(relations.all().map(({ name, tbl_name, bytes }) => ({ name, table: tbl_name, bytes }))),
    total: async () =>
      Number(handle.pragma('page_count', { simple: true })) *
      Number(handle.pragma('page_size', { simple: true })),
    close: async () => void handle.close(),
  }
}

export async function postgresSizes(url: string, schema: string): Promise<Sizes> {
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}` })
  await client.connect()
  const measure = async () => {
    const { rows } = await client.query<{ name: string; table: string; bytes: string }>(
      `select relation.relname as name, coalesce(owner.relname, relation.relname) as table,
         pg_relation_size(relation.oid) as bytes
       from pg_class relation
         join pg_namespace on pg_namespace.oid = relation.relnamespace
         left join pg_index on pg_index.indexrelid = relation.oid
         left join pg_class owner on owner.oid = pg_index.indrelid
       where nspname = $1 and relation.relkind in ('r', 'i')`,
      [schema],
    )
    return summarize(rows.map(({ bytes, ...row }) => ({ ...row, bytes: Number(bytes) })))
  }
  return {
    settle: async () => void (await client.query('vacuum analyze')),
    measure,
    total: async () => (await measure()).reduce((sum, { heap, indexes }) => sum + heap + indexes, 0),
    close: () => client.end(),
  }
}

function summarize(relations: { name: string; table: string; bytes: number }[]): Size[] {
  return TABLES.map((table) => {
    const own = relations.filter((relation) => relation.table === table)
    const heap = own.find(({ name }) => name === table)?.bytes ?? 0
    return { table, heap, indexes: own.reduce((sum, { bytes }) => sum + bytes, 0) - heap }
  })
}
