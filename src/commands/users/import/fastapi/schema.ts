import type { ForeignDatabase } from '../../../../../drizzle/sqlite/foreign.ts'

/** The usual names of the tables in such apps, in lower case. The first that exists is used. */
const USER_TABLES = ['users', 'user']
const TOKEN_TABLES = [
  'blacklisted_tokens',
  'blacklisted_token',
  'blacklistedtokens',
  'blacklistedtoken',
  'black_listed_tokens',
  'blacklist_tokens',
  'token_blacklist',
  'tokenblacklist',
]

/** The usual names of the columns of a user. */
const USER_COLUMNS = {
  id: ['id', 'user_id'],
  email: ['email', 'email_address', 'mail', 'username'],
  hashedPassword: ['hashed_password', 'password_hash', 'hashedpassword', 'hash_password', 'password'],
  name: ['name', 'full_name', 'fullname', 'display_name', 'username'],
  firstName: ['first_name', 'firstname'],
  lastName: ['last_name', 'lastname'],
  isDisabled: ['disabled', 'is_disabled'],
  isActive: ['is_active', 'active'],
  createdAt: ['created_at', 'createdat', 'created', 'date_created', 'created_on', 'registered_at'],
} as const

const TOKEN_COLUMNS = ['token', 'access_token', 'jwt']

/** The column of the user table for each field. */
export type UserColumns = Partial<Record<keyof typeof USER_COLUMNS, string>>

/** The tables of a FastAPI app. */
export interface FastapiSchema {
  users: { table: string; columns: UserColumns; allColumns: string[] }
  /** Undefined if there is no table of revoked tokens, or it does not have the tokens themselves. */
  tokens: { table: string; column: string } | undefined
}

/** @throws if there is no table of users with an e-mail and a hash */
export function findSchema({ tables }: ForeignDatabase): FastapiSchema {
  const table = findName([...tables.keys()], USER_TABLES)
  if (table === undefined) throw new Error('This database has no table users.')
  const allColumns = tables.get(table) ?? []
  const columns: UserColumns = {}
  for (const [field, names] of Object.entries(USER_COLUMNS) as [keyof UserColumns, readonly string[]][]) {
    const taken = Object.values(columns)
    const column = findName(
      allColumns.filter((name) => !taken.includes(name)),
      names,
    )
    if (column !== undefined) columns[field] = column
  }
  if (columns.email === undefined) throw new Error(`The table ${table} has no column email.`)
  if (columns.hashedPassword === undefined)
    throw new Error(`The table ${table} has no column hashed_password.`)
  return { users: { table, columns, allColumns }, tokens: findTokens(tables) }
}

function findTokens(tables: ForeignDatabase['tables']): FastapiSchema['tokens'] {
  const table = findName([...tables.keys()], TOKEN_TABLES)
  const column = table === undefined ? undefined : findName(tables.get(table) ?? [], TOKEN_COLUMNS)
  return table === undefined || column === undefined ? undefined : { table, column }
}

/** The first of the wanted names that exists. */
function findName(names: string[], wanted: readonly string[]): string | undefined {
  for (const want of wanted) {
    const found = names.find((name) => name.toLowerCase() === want)
    if (found !== undefined) return found
  }
  return undefined
}
