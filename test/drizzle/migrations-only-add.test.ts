import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** Statements that do not affect an earlier version which is still running. */
const ADDITIONS = [
  /^CREATE (UNLOGGED )?TABLE /,
  /^CREATE INDEX /,
  /^ALTER TABLE \S+ ADD (COLUMN )?(?!.*NOT NULL)/,
  /^ALTER TABLE \S+ ADD (COLUMN )?(?=.*DEFAULT).*NOT NULL/,
]

/** The statements of a migration that could affect an earlier version. A unique index or rows in a new table do not. */
function findChanges(migration: string): string[] {
  const statements = migration.split('--> statement-breakpoint').map((statement) => statement.trim())
  const tables = statements.map((statement) => /^CREATE (?:UNLOGGED )?TABLE (\S+)/.exec(statement)?.[1])
  return statements.filter((statement) => {
    const indexed = /^CREATE UNIQUE INDEX \S+ ON (\S+)/.exec(statement)?.[1]
    const filled = /^INSERT INTO (\S+)/.exec(statement)?.[1]
    const isNew = [indexed, filled].some((table) => table !== undefined && tables.includes(table))
    return !isNew && !ADDITIONS.some((addition) => addition.test(statement))
  })
}

for (const dialect of ['sqlite', 'postgres']) {
  t.test(`the migrations of ${dialect} only add, so that two versions can run side by side`, async (t) => {
    const folder = fileURLToPath(new URL(`../../drizzle/${dialect}/migrations`, import.meta.url))
    const files = globSync(`${folder}/*.sql`)
    t.not(files.length, 0)
    for (const file of files) t.same(findChanges(readFileSync(file, 'utf8')), [], basename(file))
  })
}

t.test('a migration that does more is detected', async (t) => {
  for (const change of [
    'ALTER TABLE "users" ADD COLUMN "locale" text NOT NULL;',
    'ALTER TABLE "users" DROP COLUMN "name";',
    'ALTER TABLE "users" RENAME COLUMN "name" TO "title";',
    'CREATE UNIQUE INDEX "users_name" ON "users" USING btree ("name");',
    'DROP TABLE "clients";',
    `INSERT INTO "clients" ("id") VALUES ('x');`,
  ]) {
    t.same(findChanges(change), [change])
  }
})
