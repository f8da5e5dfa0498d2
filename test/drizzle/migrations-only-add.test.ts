import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** What an earlier version that is still running need not know of. */
const ADDITIONS = [
  /^CREATE (UNLOGGED )?TABLE /,
  /^CREATE INDEX /,
  /^ALTER TABLE \S+ ADD (COLUMN )?(?!.*NOT NULL)/,
  /^ALTER TABLE \S+ ADD (COLUMN )?(?=.*DEFAULT).*NOT NULL/,
]

/** Which statements of a step an earlier version could notice. A rule for a table that is new is none for it. */
function findChanges(step: string): string[] {
  const statements = step.split('--> statement-breakpoint').map((statement) => statement.trim())
  const tables = statements.map((statement) => /^CREATE (?:UNLOGGED )?TABLE (\S+)/.exec(statement)?.[1])
  return statements.filter((statement) => {
    const indexed = /^CREATE UNIQUE INDEX \S+ ON (\S+)/.exec(statement)?.[1]
    const isNew = indexed !== undefined && tables.includes(indexed)
    return !isNew && !ADDITIONS.some((addition) => addition.test(statement))
  })
}

for (const dialect of ['sqlite', 'postgres']) {
  t.test(`the migrations of ${dialect} only add, so that versions may run side by side`, async (t) => {
    const folder = fileURLToPath(new URL(`../../drizzle/${dialect}/migrations`, import.meta.url))
    const steps = globSync(`${folder}/*.sql`)
    t.not(steps.length, 0)
    for (const step of steps) t.same(findChanges(readFileSync(step, 'utf8')), [], basename(step))
  })
}

t.test('and a step that does more would be noticed', async (t) => {
  for (const change of [
    'ALTER TABLE "users" ADD COLUMN "locale" text NOT NULL;',
    'ALTER TABLE "users" DROP COLUMN "name";',
    'ALTER TABLE "users" RENAME COLUMN "name" TO "title";',
    'CREATE UNIQUE INDEX "users_name" ON "users" USING btree ("name");',
    'DROP TABLE "clients";',
  ]) {
    t.same(findChanges(change), [change])
  }
})
