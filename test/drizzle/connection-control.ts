/**
 * Runs before the server, in its process, and executes the pragmas that a test sends on the server's own connection: limits such
 * as `max_page_count` hold for one connection alone. better-sqlite3 is otherwise as it is.
 */
import SqliteDriver, { type Database } from 'better-sqlite3'

const handles = new Set<Database>()
const { pragma } = SqliteDriver.prototype

SqliteDriver.prototype.pragma = function (this: Database, ...parameters) {
  handles.add(this)
  return pragma.apply(this, parameters)
}

process.on('message', (source: string) => {
  for (const handle of handles) handle.pragma(source)
  process.send?.('done')
})
