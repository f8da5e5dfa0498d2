/**
 * `npm test`: all tests, and then those of the HTTP contract once more, on PostgreSQL. Arguments go to tap. The server is the one that
 * TEST_DATABASE_URL names, or one that is started for the run.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from './postgres-server.ts'

const TAP = fileURLToPath(import.meta.resolve('../node_modules/.bin/tap'))

/** Of the plugins' tests: those of what the database decides. */
const BY_THE_DATABASE = [
  'audit',
  'authenticate*',
  'key-*',
  'pruning',
  'signing-keys',
  'throttling-endpoints',
  'tokens',
].map((name) => `test/plugins/${name}.test.ts`)

/** The tests of the HTTP contract. */
const CONTRACT = ['test/routes/*.test.ts', ...BY_THE_DATABASE, 'test/revocation.test.ts']

const given = process.argv.slice(2)
const options = given.filter((argument) => !isFile(argument))
const files = given.filter(isFile).map((file) => relative('', file))
const contract = globSync(CONTRACT).filter((file) => files.length === 0 || files.includes(file))

const server = process.env['TEST_DATABASE_URL'] ? undefined : await startPostgres()
const env = { ...process.env, ...(server && { TEST_DATABASE_URL: server.url }) }
const statuses = [tap([...options, ...files])]
if (contract.length > 0) {
  console.log('\nThe HTTP contract, on PostgreSQL:\n')
  statuses.push(tap([...options, ...contract], { TEST_DATABASE: 'postgres' }))
}
await server?.remove()
process.exitCode = statuses.find((status) => status !== 0) ?? 0

function isFile(argument: string): boolean {
  return !argument.startsWith('-') && argument.endsWith('.test.ts')
}

/** @returns the exit code, and 1 where a signal ended it */
function tap(parameters: string[], more: Record<string, string> = {}): number {
  const { status } = spawnSync(process.execPath, [TAP, ...parameters], {
    stdio: 'inherit',
    env: { ...env, ...more },
  })
  return status ?? 1
}
