import { Command, Option } from 'commander'
import type { Database, UserRow } from '../../../drizzle/index.ts'
import { withContext } from '../context.ts'
import { openOutput } from '../terminal/output.ts'
import { startProgress } from '../terminal/progress.ts'
import { exportFormats } from './export-formats.ts'
import { FORMATS, type Format, formatOf } from './import/format.ts'
import { COLUMNS } from './import/records.ts'
import { toRecord } from './user.ts'

/** Users per query. */
const STEP = 1000

interface ExportOptions {
  format?: Format
  output?: string
  withHashes?: true
}

/** `postern users export` */
export function exportCommand(): Command {
  return new Command('export')
    .description('write a snapshot of all users')
    .addOption(
      new Option(
        '--format <format>',
        'the format, by default that of the file’s extension, or ndjson',
      ).choices(FORMATS),
    )
    .option('--output <file>', 'a new file, which only its owner can read, instead of standard output')
    .option('--with-hashes', 'include the password hashes, which users import needs')
    .addHelpText(
      'after',
      `
Examples:
  $ postern users export --with-hashes --output users.ndjson
  $ postern users export --format csv > users.csv

CSV fields are written unchanged. A spreadsheet takes a field that begins with
=, +, - or @ for a formula: import the columns as text.`,
    )
    .action((options: ExportOptions) => withContext(({ database }) => exportUsers(database, options)))
}

async function exportUsers(database: Database, { output: path, ...options }: ExportOptions): Promise<void> {
  const format =
    exportFormats[options.format ?? (path === undefined ? undefined : formatOf(path)) ?? 'ndjson']
  const columns = COLUMNS.filter((name) => name !== 'hashed_password' || options.withHashes)
  const toFields = (row: UserRow) => {
    const record = { ...toRecord(row), hashed_password: row.hashedPassword }
    return Object.fromEntries(columns.map((name) => [name, record[name]]))
  }

  const output = await openOutput(path)
  const progress = path === undefined ? undefined : startProgress('Exported')
  try {
    await output.write(format.head(columns))
    await database.withSnapshot(async (snapshot) => {
      for await (const rows of snapshot.read('users', STEP)) {
        await output.write(format.rows(rows.map(toFields)))
        progress?.add(rows.length)
      }
    })
  } catch (error) {
    await output.discard()
    throw error
  }
  await output.close()
  progress?.end()
}
