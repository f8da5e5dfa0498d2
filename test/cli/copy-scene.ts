import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { type Database, openDatabase } from '../../drizzle/index.ts'
import { postern } from '../cli.ts'
import { createBlacklistedToken, createEvent, createUser } from '../drizzle/rows.ts'
import { createSchema } from '../postgres.ts'

/** A deployment on SQLite, and an empty schema on PostgreSQL. */
export interface Scene {
  cwd: string
  /** The SQLite file. */
  path: string
  /** The secret that seals its keys. */
  secretKey: string
  /** The settings of a service on PostgreSQL. */
  target: { DATABASE_URL: string; DATABASE_SCHEMA: string; SECRET_KEY: string }
}

/** Creates a SQLite database with two keys and nothing else. */
export async function setScene(t: Test): Promise<Scene> {
  const cwd = t.testdir()
  const path = join(cwd, 'data', 'postern.db')
  await postern(['migrate'], { cwd })
  await postern(['keys', 'rotate'], { cwd })
  const { url, schema } = await createSchema(t)
  const secretKey = readFileSync(`${path}.secret`, 'utf8').trim()
  return {
    cwd,
    path,
    secretKey,
    target: { DATABASE_URL: url, DATABASE_SCHEMA: schema, SECRET_KEY: secretKey },
  }
}

/** Opens a database until the test ends. */
export async function open(t: Test, url: string, schema?: string): Promise<Database> {
  const database = await openDatabase(
    url,
    schema === undefined ? {} : { databaseSchema: schema, databasePoolSize: 1 },
  )
  t.teardown(() => database.close())
  return database
}

/** Fills a database with users, and with a tenth as many revoked tokens and audit events. */
export async function fill(database: Database, users: number): Promise<void> {
  const times = (count: number) => Array.from({ length: count }, (_, index) => index)
  await database.insertRows(
    'users',
    times(users).map((index) => ({
      ...createUser(),
      name: index % 2 ? `Nº ${index}, «O’Neill» \\ "x"\t` : null,
      disabledAt: index % 3 ? null : new Date(),
      tokenVersion: index % 5,
    })),
  )
  await database.insertRows(
    'blacklistedTokens',
    times(users / 10).map(() => createBlacklistedToken()),
  )
  await database.knownAddresses.remember(uuidv7(), new Date())
  await database.insertRows('deletedUsers', [{ id: uuidv7(), deletedAt: new Date() }])
  await database.insertRows(
    'auditEvents',
    times(users / 10).map(() => createEvent({ userAgent: 'curl/8.5.0', reason: null })),
  )
}

/** Counts the rows of each table. */
export async function countRows(database: Database): Promise<Record<string, number>> {
  return await database.withSnapshot(async (snapshot) => ({
    users: await snapshot.count('users'),
    deletedUsers: await snapshot.count('deletedUsers'),
    blacklistedTokens: await snapshot.count('blacklistedTokens'),
    signingKeys: await snapshot.count('signingKeys'),
    clients: await snapshot.count('clients'),
    knownAddresses: await snapshot.count('knownAddresses'),
    auditEvents: await snapshot.count('auditEvents'),
  }))
}
