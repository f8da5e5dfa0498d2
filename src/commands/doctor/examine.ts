import { databasePath } from '../../../drizzle/index.ts'
import type { Config } from '../../settings/environment.ts'
import {
  checkClock,
  checkConnections,
  checkDurability,
  checkFile,
  checkServer,
  checkTables,
} from './database.ts'
import { checkHashing, checkIssuer, checkNode, checkProxies, checkRegistration } from './environment.ts'
import { checkDisk, checkPermissions } from './files.ts'
import { type Finding, fail } from './finding.ts'
import { checkKeys, findSecret } from './keys.ts'
import { reachDatabase } from './reach.ts'
import { readSettings } from './settings.ts'
import { checkHashCosts, checkUsers } from './users.ts'

/** A finding, and the check that made it. */
export type Result = { check: string } & Finding

/** Runs every check that is possible. A check that fails does not stop the others. */
export async function examine(env: NodeJS.ProcessEnv, instances: number): Promise<Result[]> {
  const results: Result[] = []
  async function run(check: string, find: () => Finding[] | Promise<Finding[]>): Promise<void> {
    for (const finding of await found(find)) results.push({ check, ...finding })
  }

  await run('node', checkNode)
  const { config, wrong, findings } = readSettings(env)
  await run('settings', () => findings)
  const isKnown = (name: string) => !wrong.has(name)
  const secret = isKnown('SECRET_KEY') && isKnown('DATABASE_URL') ? findSecret(config) : undefined
  if (secret) await run('secret', () => secret.findings)
  if (isKnown('DATABASE_URL')) await examineDatabase(config, secret?.secretKey, instances, run)
  await run('permissions', () =>
    checkPermissions(isKnown('DATABASE_URL') ? databasePath(config.databaseUrl) : null),
  )
  if (isKnown('BCRYPT_COST')) await run('hashing', () => checkHashing(config))
  if (isKnown('ISSUER')) await run('issuer', () => checkIssuer(config))
  if (isKnown('TRUST_PROXY') && isKnown('REGISTRATION')) {
    await run('registration', () => checkRegistration(config))
  }
  if (isKnown('TRUST_PROXY') && isKnown('HOST')) await run('proxies', () => checkProxies(config))
  return results
}

async function examineDatabase(
  config: Config,
  secretKey: string | undefined,
  instances: number,
  run: (check: string, find: () => Finding[] | Promise<Finding[]>) => Promise<void>,
): Promise<void> {
  const reached = await reachDatabase(config)
  const { sqlite, postgres } = reached
  await run('database', () => reached.findings)
  const inspection = sqlite ?? postgres
  if (postgres) {
    const { hostname } = new URL(config.databaseUrl)
    await run('server', () => checkServer(postgres, /^(localhost|127\..*|\[::1\]|)$/.test(hostname)))
    await run('durability', () => checkDurability(postgres))
    await run('connections', () => checkConnections(postgres, config, instances))
  }
  if (sqlite) await run('file', () => checkFile(sqlite))
  if (inspection) {
    const { signingKeys, emails, hashCosts } = inspection
    await run('tables', () => checkTables(inspection))
    if (signingKeys) await run('keys', () => checkKeys(signingKeys, secretKey, config))
    await run('users', () => [...checkUsers(emails), ...checkHashCosts(hashCosts, config)])
    await run('clock', () => checkClock(inspection))
  }
  const path = databasePath(config.databaseUrl)
  if (path !== null) await run('disk', () => checkDisk(path))
}

async function found(find: () => Finding[] | Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await find()
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException
    return [fail(`could not be checked: ${code ?? name}`, 'Let this user read what the service reads.')]
  }
}
