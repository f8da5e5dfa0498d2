import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import {
  type Database,
  DatabaseUnavailableError,
  databasePath,
  isPostgresUrl,
  openDatabase,
} from '../../../drizzle/index.ts'
import { WrongSecretKeyError } from '../../../plugins/signing-keys/stored-key.ts'
import { databaseLocation } from '../../settings/database-location.ts'
import { type Config, loadConfig } from '../../settings/environment.ts'
import { keptSecretKey, secretKeyPath } from '../../settings/secret-key.ts'
import { assertSecretKey } from '../keys/reseal.ts'
import { UsageError } from '../run.ts'
import { print } from '../terminal/table.ts'
import { copyTables } from './tables.ts'

/** Milliseconds that a statement may take: more than a service allows. */
const STATEMENT_TIMEOUT = 600_000

interface CopyOptions {
  from?: string
  to?: string
  json?: true
}

/** `postern copy`: copies a database to another, of the same or the other kind. */
export function copyCommand(): Command {
  return new Command('copy')
    .description('copy all data to another database, and compare the two')
    .option('--from <url>', 'the database to copy; DATABASE_URL by default')
    .option('--to <url>', 'an empty database, created if necessary; DATABASE_URL by default')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It copies the source as it is when the command starts. The service may keep running, but its later writes are not
copied. After an interruption, run the command again: it keeps what is already copied. It refuses a target with other
users or keys. Tokens stay valid, since the keys are copied too: start the service on the target with the SECRET_KEY of
the source.

From SQLite to PostgreSQL, with the service stopped. The URL holds a password, so it is in the environment, where other
users of the machine cannot see it:
  $ export DATABASE_URL=postgres://postern:password@db.example.com/postern
  $ export SECRET_KEY="$(cat data/postern.db.secret)"
  $ postern copy --from ./data/postern.db

And back:
  $ postern copy --to ./data/postern.db`,
    )
    .action(copy)
}

async function copy(options: CopyOptions): Promise<void> {
  const config = loadConfig()
  const { from, to } = endsOf(options, config)
  const source = await open('source', from, config)
  try {
    await assertOpensKeys(source, from, config)
    const target = await open('target', to, config)
    try {
      print(await copyTables(source, target), options)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  console.error(
    `${databaseLocation(to)} is now a copy of ${databaseLocation(from)} as it was at the start. ` +
      nextStep(from, to, config),
  )
}

function endsOf({ from, to }: CopyOptions, { databaseUrl }: Config): { from: string; to: string } {
  if (from === undefined && to === undefined)
    throw new UsageError('Give --from or --to. The other one is DATABASE_URL.')
  const ends = { from: from ?? databaseUrl, to: to ?? databaseUrl }
  const source = pathOf('--from', ends.from)
  const target = pathOf('--to', ends.to)
  if (!isPostgresUrl(ends.from) && (source === null || !existsSync(source))) {
    throw new Error(`There is no database at ${ends.from}.`)
  }
  if (!isPostgresUrl(ends.to) && target === null)
    throw new UsageError('--to must not be a database in memory.')
  if (ends.from === ends.to || (source !== null && target !== null && resolve(source) === resolve(target))) {
    throw new UsageError('--from and --to are the same database.')
  }
  return ends
}

function pathOf(option: string, url: string): string | null {
  try {
    return databasePath(url)
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`)
  }
}

async function open(end: 'source' | 'target', url: string, config: Config): Promise<Database> {
  const settings = { ...config, databasePoolSize: 2, databaseStatementTimeoutMs: STATEMENT_TIMEOUT }
  try {
    return await openDatabase(url, settings)
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError)) throw error
    throw new DatabaseUnavailableError(error.cause, `The ${end}, ${databaseLocation(url)},`)
  }
}

/** Makes sure that SECRET_KEY opens the keys: with another one, a service would not start on the target. */
async function assertOpensKeys(database: Database, from: string, { secretKey }: Config): Promise<void> {
  try {
    await assertSecretKey({ database, secretKey: secretKey ?? keptSecretKey(from) })
  } catch (error) {
    const kept = keptSecretPath(from)
    if (!(error instanceof WrongSecretKeyError) || secretKey === undefined || kept === undefined) throw error
    throw new Error(`SECRET_KEY does not open the keys in ${from}. Set it to the content of ${kept}.`)
  }
}

function keptSecretPath(url: string): string | undefined {
  const path = databasePath(url)
  return path !== null && existsSync(secretKeyPath(path)) ? secretKeyPath(path) : undefined
}

function nextStep(from: string, to: string, { secretKey }: Config): string {
  const target = databasePath(to)
  const kept = keptSecretPath(from)
  if (secretKey !== undefined || kept === undefined)
    return 'Start the service on it with the same SECRET_KEY.'
  const place = target === null ? '' : `, or copy that file to ${secretKeyPath(target)}`
  return `Start the service on it with SECRET_KEY set to the content of ${kept}${place}.`
}
