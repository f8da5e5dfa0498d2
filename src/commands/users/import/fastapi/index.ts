import { type ForeignDatabase, openForeignDatabase } from '../../../../../drizzle/sqlite/foreign.ts'
import type { Context } from '../../../context.ts'
import { printable, toJson } from '../../../terminal/text.ts'
import type { ImportOptions } from '../importer.ts'
import { runImport } from '../run.ts'
import { type FastapiSchema, findSchema } from './schema.ts'
import { TokenAcceptance, type TokenOptions } from './tokens.ts'
import { readUsers } from './users.ts'

interface FastapiOptions {
  path: string
  tokens: TokenOptions | undefined
  json: true | undefined
}

/** Imports the users of a FastAPI app from its SQLite database, and accepts their tokens if `tokens` is given. */
export async function importFromFastapi(
  context: Context,
  options: ImportOptions,
  { path, tokens, json }: FastapiOptions,
): Promise<void> {
  const database = openForeignDatabase(path)
  try {
    const schema = findSchema(database)
    printColumns(schema, json)
    if (tokens) {
      const acceptance = await TokenAcceptance.prepare(context, schema, tokens)
      await importWithTokens(context, { database, schema, acceptance }, options, json)
    } else {
      const users = readUsers(database, schema, () => undefined)
      await runImport(context, users, options, { json, unit: 'user' })
    }
  } finally {
    database.close()
  }
}

interface FastapiApp {
  database: ForeignDatabase
  schema: FastapiSchema
  acceptance: TokenAcceptance
}

async function importWithTokens(
  context: Context,
  { database, schema, acceptance }: FastapiApp,
  options: ImportOptions,
  json: true | undefined,
): Promise<void> {
  const revoked = options.dryRun ? undefined : await acceptance.importRevoked(database)
  const users = readUsers(database, schema, (row) => acceptance.idOf(row))
  let left = 0
  await runImport(context, users, options, {
    json,
    unit: 'user',
    beforeBatch: (users) => acceptance.forgetDeleted(users),
    onPresent: ({ user }, existing) => {
      if (user.id !== existing.id) left += 1
    },
  })
  if (!revoked) return
  const until = (await acceptance.begin()).toISOString()
  if (json) {
    console.log(toJson({ tokens_accepted_until: until, ...revoked, accounts_without: left }))
    return
  }
  const { revoked: refused, expired, others } = revoked
  console.log(`Their tokens are accepted until ${until}.`)
  console.log(`Revoked tokens: refused ${refused}, expired ${expired}, of another app ${others}.`)
  if (left > 0) console.log(`Users who already existed, whose tokens are not accepted: ${left}.`)
}

/** Prints which columns are used for what, so that nothing is lost silently. */
function printColumns({ users, tokens }: FastapiSchema, json: true | undefined): void {
  const used = Object.values(users.columns)
  const ignored = users.allColumns.filter((column) => !used.includes(column))
  const columns = Object.entries(users.columns).map(([field, column]) => [toSnakeCase(field), column])
  if (json) {
    const record = { users: users.table, columns: Object.fromEntries(columns), ignored }
    console.log(toJson({ ...record, revoked_tokens: tokens?.table ?? null }))
    return
  }
  const pairs = columns.map(([field, column = '']) => `${field} from ${printable(column)}`)
  console.error(`Users: table ${printable(users.table)}, ${pairs.join(', ')}.`)
  if (ignored.length > 0) console.error(`Not imported: ${ignored.map(printable).join(', ')}.`)
}

function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
