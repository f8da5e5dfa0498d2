import SqliteDriver from 'better-sqlite3'

/** A row, by the names of its columns. */
export type ForeignRow = Record<string, unknown>

/** A snapshot of another application's SQLite database, taken when it was opened. */
export interface ForeignDatabase {
  /** The names of each table's columns. */
  readonly tables: ReadonlyMap<string, string[]>
  /** Reads a table in batches of `limit` rows. */
  read(table: string, limit: number): Generator<ForeignRow[]>
  close(): void
}

/**
 * Opens another application's SQLite database for reading.
 *
 * @throws if it does not exist or cannot be opened
 */
export function openForeignDatabase(path: string): ForeignDatabase {
  const handle = new SqliteDriver(path, { readonly: true, fileMustExist: true })
  try {
    handle.exec('begin')
    const names = handle
      .prepare<[], string>("select name from sqlite_schema where type = 'table'")
      .pluck()
      .all()
    const columnsOf = handle.prepare<[string], string>('select name from pragma_table_info(?)').pluck()
    return {
      tables: new Map(names.map((name) => [name, columnsOf.all(name)])),
      *read(table, limit) {
        const select = handle.prepare<[], ForeignRow>(`select * from ${quote(table)}`)
        let rows: ForeignRow[] = []
        for (const row of select.iterate()) {
          if (rows.push(row) < limit) continue
          yield rows
          rows = []
        }
        if (rows.length > 0) yield rows
      },
      close: () => void handle.close(),
    }
  } catch (error) {
    handle.close()
    throw error
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
