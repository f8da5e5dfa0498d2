/**
 * `npm test`: the tests of the service on SQLite, and then the core of the HTTP contract on PostgreSQL. Arguments go to
 * tap. With files, those run instead, and the ones of the contract on both databases.
 */
import { globSync } from 'node:fs'
import { relative } from 'node:path'
import { CONTRACT, CORE } from './suites.ts'
import { run, withPostgres } from './tap.ts'

const given = process.argv.slice(2)
const options = given.filter((argument) => !isFile(argument))
const files = given.filter(isFile).map((file) => relative('', file))
const onPostgres =
  files.length === 0 ? globSync(CORE) : globSync(CONTRACT).filter((file) => files.includes(file))

const statuses = await withPostgres((env) => {
  const results = [run([...options, ...files], env)]
  if (onPostgres.length > 0) {
    console.log('\nOn PostgreSQL:\n')
    results.push(run([...options, ...onPostgres], { ...env, TEST_DATABASE: 'postgres' }))
  }
  return results
})
process.exitCode = statuses.find((status) => status !== 0) ?? 0

function isFile(argument: string): boolean {
  return !argument.startsWith('-') && argument.endsWith('.test.ts')
}
