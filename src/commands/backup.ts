import { Command } from 'commander'
import { isPostgresUrl } from '../../drizzle/index.ts'
import { backUpSqlite } from '../../drizzle/sqlite/backup.ts'
import { type Config, loadConfig } from '../settings/environment.ts'
import { secretKeyPath } from '../settings/secret-key.ts'
import { existingDatabase } from './context.ts'

/** `postern backup`: a copy of the SQLite file. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('copy the SQLite database into a new file, even while the service runs')
    .argument('<file>', 'the new file, which must not exist')
    .addHelpText(
      'after',
      `
The copy is consistent, and on disk when the command ends. It contains password
hashes: only its owner can read it. Its signing keys are sealed with SECRET_KEY,
or with the secret in the file beside the database: back that up too, in another
place. For PostgreSQL, use pg_dump.

Example:
  $ postern backup /var/backups/postern-$(date +%F).db

To restore it, with the service stopped:
  $ rm -f data/postern.db data/postern.db-wal data/postern.db-shm
  $ cp /var/backups/postern-2026-11-22.db data/postern.db
  $ cp /var/secrets/postern.db.secret data/postern.db.secret`,
    )
    .action(backUp)
}

function backUp(file: string): void {
  const config = loadConfig()
  const path = pathOf(config)
  const { users, bytes } = backUpSqlite(path, file)
  console.log(`${file}: ${users} users, ${(bytes / 1_000_000).toFixed(1)} MB`)
  console.error(reminder(path, config))
}

function pathOf({ databaseUrl, databaseSchema }: Config): string {
  if (!isPostgresUrl(databaseUrl)) return existingDatabase(databaseUrl)
  throw new Error(
    `This command is for SQLite, but DATABASE_URL is a PostgreSQL server. Use its own program:
pg_dump --format=custom --schema=${databaseSchema} --file=FILE "$DATABASE_URL"`,
  )
}

function reminder(path: string, { secretKey }: Config): string {
  const secret = secretKey === undefined ? `the secret in ${secretKeyPath(path)}` : 'SECRET_KEY'
  return `Its signing keys are sealed with ${secret}: back that up too, in another place.`
}
