import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Database, openDatabase } from '../../drizzle/index.ts'
import { postern } from '../cli.ts'
import { makeBlacklistedToken, makeEvent, makeUser } from '../drizzle/rows.ts'
import { makeSchema } from '../postgres.ts'

/** A deployment on SQLite, and an empty place on PostgreSQL. */
export interface Scene {
  cwd: string
  /** The SQLite file. */
  path: string
  /** What its service has sealed its keys with. */
  secretKey: string
  /** The settings of a service on PostgreSQL. */
  target: { DATABASE_URL: string; DATABASE_SCHEMA: string; SECRET_KEY: string }
}

/** Makes a database in which there are two keys, and nothing else. */
export async function setScene(t: Test): Promise<Scene> {
  const cwd = t.testdir()
  const path = join(cwd, 'data', 'postern.db')
  await postern(['migrate'], { cwd })
  await postern(['keys', 'rotate'], { cwd })
  const { url, schema } = await makeSchema(t)
  const secretKey = readFileSync(`${path}.secret`, 'utf8').trim()
  return {
    cwd,
    path,
    secretKey,
    target: { DATABASE_URL: url, DATABASE_SCHEMA: schema, SECRET_KEY: secretKey },
  }
}

/** Opens a database for as long as the test takes. */
export async function open(t: Test, url: string, schema?: string): Promise<Database> {
  const database = await openDatabase(
    url,
    schema === undefined ? {} : { databaseSchema: schema, databasePoolSize: 1 },
  )
  t.teardown(() => database.close())
  return database
}

/** Fills a database with so many accounts, and with a tenth of that of what else there is by the thousand. */
export async function fill(database: Database, accounts: number): Promise<void> {
  const times = (count: number) => Array.from({ length: count }, (_, index) => index)
  await database.insertRows(
    'users',
    times(accounts).map((index) => ({
      ...makeUser(),
      name: index % 2 ? `Nº ${index}, «O’Neill» \\ "x"\t` : null,
      disabledAt: index % 3 ? null : new Date(),
      tokenVersion: index % 5,
    })),
  )
  await database.insertRows(
    'blacklistedTokens',
    times(accounts / 10).map(() => makeBlacklistedToken()),
  )
  await database.insertRows(
    'auditEvents',
    times(accounts / 10).map(() => makeEvent({ userAgent: 'curl/8.5.0', reason: null })),
  )
}

/** How many rows each table has. */
export async function countRows(database: Database): Promise<Record<string, number>> {
  return await database.withSnapshot(async (snapshot) => ({
    users: await snapshot.count('users'),
    blacklistedTokens: await snapshot.count('blacklistedTokens'),
    signingKeys: await snapshot.count('signingKeys'),
    clients: await snapshot.count('clients'),
    auditEvents: await snapshot.count('auditEvents'),
  }))
}
