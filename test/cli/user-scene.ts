import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type CliOptions, postern } from '../cli.ts'
import type { Exit } from '../server-process.ts'
import { type Beside, openBeside } from '../shared-database.ts'
import { openPlace, places } from './places.ts'

/** A working directory and settings for commands, with a database that has its tables. */
export interface Scene extends CliOptions {
  env: Record<string, string> & { DATABASE_URL: string }
}

/** Runs a test on each kind of database. */
export function onEachDatabase(t: Test, name: string, test: (t: Test, scene: Scene) => Promise<void>): void {
  for (const kind of Object.keys(places)) {
    t.test(`${name}, on ${kind}`, async (t) => test(t, await setScene(t, kind)))
  }
}

export async function setScene(t: Test, kind = 'SQLite'): Promise<Scene> {
  const cwd = t.testdir()
  const settingsOf = places[kind]
  if (!settingsOf) throw new Error(`There is no ${kind}`)
  const env = await settingsOf(t, cwd)
  await openPlace(t, env)
  return { cwd, env: { ...env, BCRYPT_COST: '10' } }
}

/** Opens the database, while commands use it. */
export function lookInto(t: Test, { env }: Scene): Beside {
  return openBeside(t, env)
}

/** Runs `postern users …`. */
export async function users(scene: Scene, args: string[], input: string | Buffer = ''): Promise<Exit> {
  return await postern(['users', ...args], { ...scene, input })
}

/** Runs `postern users … --json`, which must succeed, and parses its output. */
export async function usersJson(scene: Scene, args: string[], input = ''): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await users(scene, [...args, '--json'], input)
  if (code !== 0) throw new Error(`users ${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

/** Imports a text as a file of that name, and parses the output. */
export async function importText(
  scene: Scene,
  name: string,
  text: string | Buffer,
  options: string[] = [],
): Promise<Exit & { result: Record<string, number>; badLines: Record<number, string[]> }> {
  const file = join(scene.cwd, name)
  writeFileSync(file, text)
  const exit = await users(scene, ['import', file, '--json', ...options])
  const lines = exit.stdout.split('\n').filter(Boolean)
  const printed = lines.map((line) => JSON.parse(line))
  const badLines = Object.fromEntries(printed.slice(0, -1).map(({ line, reasons }) => [line, reasons]))
  return { ...exit, result: printed.at(-1), badLines }
}

/** A valid hash of an unknown password. */
export const HASH = '$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01236'

/** A line of NDJSON: a user that can be imported, with other fields if given. */
export function line(index: number, fields: object = {}): string {
  return `${JSON.stringify({ email: `user${index}@example.com`, hashed_password: hashOf(index), ...fields })}\n`
}

/** A different hash for each user. */
export function hashOf(index: number): string {
  const digest = createHash('sha256').update(String(index)).digest('hex')
  return `$2b$12$${digest.slice(0, 21)}u${digest.slice(21, 51)}e`
}
