import { createReadStream } from 'node:fs'
import { Command, Option } from 'commander'
import { withContext } from '../../context.ts'
import { UsageError } from '../../run.ts'
import { parseBatchSize, parseTokenMinutes, parseTokenSubject, type TokenSubject } from './arguments.ts'
import { readCsv } from './csv.ts'
import { importFromFastapi } from './fastapi/index.ts'
import { FORMATS, type Format, formatOf } from './format.ts'
import type { ImportOptions } from './importer.ts'
import { readNdjson } from './ndjson.ts'
import { runImport } from './run.ts'

/** Bytes that are read at once. Until they have been checked, no answer of the database's is looked at. */
const CHUNK = 16_384

type CommandOptions = ImportOptions & {
  format?: Format
  fromFastapi?: string
  acceptTokens?: number
  tokenSubject: TokenSubject
  json?: true
}

/** `postern users import` */
export function importCommand(): Command {
  return new Command('import')
    .description('make an account of each line of a file, with the bcrypt hash that it has')
    .argument('[file]', 'NDJSON or CSV; - for standard input')
    .addOption(new Option('--format <format>', 'by default what the file’s name ends in').choices(FORMATS))
    .option(
      '--batch-size <lines>',
      'lines that are imported all together or not at all',
      parseBatchSize,
      1000,
    )
    .option('--skip-bad', 'import the good lines beside a bad one too', false)
    .option('--skip-existing', 'leave out lines whose e-mail has an account already', false)
    .option('--dry-run', 'check the lines, and write nothing', false)
    .option('--json', 'print a line of JSON for each bad line, and one at the end')
    .option(
      '--from-fastapi <database>',
      'import the users of a FastAPI application from its SQLite file instead',
    )
    .option(
      '--accept-tokens <minutes>',
      'accept the HS256 tokens of that application for as long as they live at most',
      parseTokenMinutes,
    )
    .option(
      '--token-subject <claim=column>',
      'the claim of those tokens that names the user, and by which column',
      parseTokenSubject,
      { claim: 'sub', column: 'email' },
    )
    .addHelpText('after', HELP)
    .action((path: string | undefined, options: CommandOptions) => {
      if ((path === undefined) === (options.fromFastapi === undefined)) {
        throw new UsageError('Either a file must be given, or --from-fastapi.')
      }
      return path === undefined ? importDatabase(options) : importFile(path, options)
    })
}

async function importFile(path: string, { format: given, acceptTokens, json, ...options }: CommandOptions) {
  const format = given ?? formatOf(path)
  if (!format) throw new UsageError('--format must say whether it is ndjson or csv.')
  if (acceptTokens !== undefined) throw new UsageError('--accept-tokens must come with --from-fastapi.')
  const records = format === 'csv' ? readCsv(readBytes(path)) : readNdjson(readBytes(path))
  await withContext(
    async (context) => void (await runImport(context, records, options, { json, unit: 'line' })),
  )
}

async function importDatabase(options: CommandOptions) {
  const { fromFastapi: path = '', acceptTokens: minutes, tokenSubject, json } = options
  const tokens = minutes === undefined ? undefined : { minutes, ...tokenSubject }
  await withContext((context) => importFromFastapi(context, options, { path, tokens, json }))
}

const HELP = `
Columns: email and hashed_password ($2a$, $2b$ or $2y$); if you like name, id (a UUID), created_at and disabled_at (RFC 3339).
The first line of CSV names them. Passwords themselves are not imported.

A bad line is reported by its number, and its batch is not imported; other batches are. Correct it and run the same again: lines that
are imported already count as unchanged.

Of a FastAPI application, the tables users and blacklisted_tokens are read. Its tokens are signed with its SECRET_KEY: that is
FASTAPI_SECRET_KEY, or where this is not set the SECRET_KEY of Postern.

Examples:
  postern users import users.ndjson
  postern users import users.csv --dry-run
  zcat users.ndjson.gz | postern users import - --format ndjson
  postern users import --from-fastapi app.db
  postern users import --from-fastapi app.db --accept-tokens 30 --token-subject sub=username

Exit code: 3 where a line is bad.`

/** Opens the file when it is first needed. */
async function* readBytes(path: string): AsyncGenerator<Buffer> {
  yield* path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK })
}
