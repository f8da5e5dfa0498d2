import { appendFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { startLoad } from '../faults/load.ts'
import { createPostgres } from '../faults/scene.ts'
import { runServer, startServer, until } from '../server-process.ts'
import { createDeployment, PATIENT } from './deployment.ts'

t.setTimeout(300_000)

const postgres = await createPostgres(t)

/** Changes that a later version may make: none that an earlier version has to know about. */
const MIGRATION = `
  ALTER TABLE "users" ADD COLUMN "locale" text;--> statement-breakpoint
  ALTER TABLE "users" ADD COLUMN "logins" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
  ALTER TABLE "blacklisted_tokens" ADD COLUMN "reason" text;--> statement-breakpoint
  CREATE TABLE "devices" ("id" text PRIMARY KEY NOT NULL);--> statement-breakpoint
  CREATE INDEX "blacklisted_tokens_user_id_index" ON "blacklisted_tokens" USING btree ("user_id");
`

/** Creates a later version of Postern: the same with another migration. */
function createLaterVersion(directory: string): URL {
  const root = new URL('../../', import.meta.url)
  for (const folder of ['src', 'plugins', 'routes', 'drizzle', 'package.json']) {
    cpSync(new URL(folder, root), join(directory, folder), { recursive: true })
  }
  const migrations = join(directory, 'drizzle', 'postgres', 'migrations')
  const journalPath = join(migrations, 'meta', '_journal.json')
  const journal = JSON.parse(readFileSync(journalPath, 'utf8'))
  const last = journal.entries.at(-1)
  journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: '9999_later' })
  writeFileSync(journalPath, JSON.stringify(journal))
  appendFileSync(join(migrations, '9999_later.sql'), MIGRATION)
  return pathToFileURL(`${directory}/`)
}

t.test(
  'an instance keeps running while a later version migrates the database, but cannot be started again',
  async (t) => {
    const deployment = createDeployment(t, postgres.url, PATIENT)
    const before = await deployment.start()
    const cwd = t.testdir()
    const root = createLaterVersion(cwd)
    let addresses = [before.address]
    const load = startLoad({
      address: () => addresses[Math.floor(Math.random() * addresses.length)] ?? before.address,
      people: 10,
      pause: 20,
    })
    await until(() => load.endedTokens.length > 5)

    const after = await startServer(t, { cwd, env: deployment.env, root })
    addresses = [before.address, after.address]
    const ended = load.endedTokens.length
    await until(() => load.endedTokens.length > ended + 20)
    await load.stop()
    await load.settle()

    t.same(load.violations, [])
    t.same(
      Object.keys(load.answers).filter((answer) => /database_unavailable|lost/.test(answer)),
      [],
      'no request failed',
    )
    const { code, stderr } = await runServer(t, { cwd, env: deployment.env })
    t.equal(code, 1)
    t.match(stderr, 'The database was written by a newer version of Postern. It was left untouched')
  },
)
