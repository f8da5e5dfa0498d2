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

/** Bytes per read. While they are checked, the event loop does not handle results of the database. */
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
    .description('create users from a file, with their bcrypt hashes')
    .argument('[file]', 'an NDJSON or CSV file; - for standard input')
    .addOption(
      new Option('--format <format>', 'the file’s format, by default that of its extension').choices(FORMATS),
    )
    .option('--batch-size <lines>', 'lines that are imported together or not at all', parseBatchSize, 1000)
    .option('--skip-bad', 'import good lines even if their batch has a bad one')
    .option('--skip-existing', 'skip lines whose e-mail already belongs to a user')
    .option('--dry-run', 'check the lines, but write nothing')
    .option('--json', 'print NDJSON: an object per bad line, and one for the result')
    .option('--from-fastapi <database>', 'import the users of a FastAPI app from its SQLite database instead')
    .option(
      '--accept-tokens <minutes>',
      'accept that app’s HS256 tokens, which live at most this long',
      parseTokenMinutes,
    )
    .addOption(
      new Option(
        '--token-subject <claim=column>',
        'the claim that names the user in those tokens, and the column with its value',
      )
        .argParser(parseTokenSubject)
        .default({ claim: 'sub', column: 'email' }, 'sub=email'),
    )
    .addHelpText('after', HELP)
    .action((path: string | undefined, options: CommandOptions) => {
      if ((path === undefined) === (options.fromFastapi === undefined)) {
        throw new UsageError('Give either a file or --from-fastapi.')
      }
      return path === undefined ? importDatabase(options) : importFile(path, options)
    })
}

async function importFile(path: string, { format: given, acceptTokens, json, ...options }: CommandOptions) {
  const format = given ?? formatOf(path)
  if (!format)
    throw new UsageError('Give --format ndjson or --format csv: the file’s extension does not tell.')
  if (acceptTokens !== undefined) throw new UsageError('--accept-tokens needs --from-fastapi.')
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
Columns: email and hashed_password ($2a$, $2b$ or $2y$) are required. Optional are
name, id (a UUID), created_at and disabled_at (RFC 3339). The first line of a CSV
file names the columns. Plain passwords are not imported.

A bad line is reported with its number, and its batch is not imported; other batches
are. Correct the line and run the command again: lines that were imported before are
unchanged.

--from-fastapi reads the tables users and blacklisted_tokens. The app’s tokens are
signed with its SECRET_KEY: set FASTAPI_SECRET_KEY to it, unless Postern has the
same SECRET_KEY.

Examples:
  $ postern users import users.ndjson
  $ postern users import users.csv --dry-run
  $ zcat users.ndjson.gz | postern users import - --format ndjson
  $ postern users import --from-fastapi app.db
  $ postern users import --from-fastapi app.db --accept-tokens 30 --token-subject sub=username

Exit code: 3 if a line is bad.`

/** Opens the file only when the first bytes are read. */
async function* readBytes(path: string): AsyncGenerator<Buffer> {
  yield* path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK })
}
