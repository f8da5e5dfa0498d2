import { existsSync, readFileSync } from 'node:fs'
import { databasePath, isPostgresUrl, type SigningKeyRow } from '../../../drizzle/index.ts'
import { isLive, stateOf } from '../../../plugins/signing-keys/lifecycle.ts'
import { createSealer } from '../../../plugins/signing-keys/sealing.ts'
import { openKey } from '../../../plugins/signing-keys/stored-key.ts'
import type { Config } from '../../settings/environment.ts'
import { isSecretKey } from '../../settings/options.ts'
import { secretKeyPath } from '../../settings/secret-key.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const DAY = 86_400_000
/** Days after which a key should be replaced, if there is no automatic rotation. */
const OLD = 365
/** Days that the service may be late with its hourly rotation. */
const GRACE = 1

/** The secret that the keys are sealed with. */
export interface FoundSecret {
  /** Undefined if there is no usable one. */
  secretKey: string | undefined
  findings: Finding[]
}

/** Finds the secret. Unlike the service, it creates none. */
export function findSecret({ secretKey, databaseUrl }: Config): FoundSecret {
  if (secretKey !== undefined) return { secretKey, findings: [ok('SECRET_KEY is set')] }
  if (isPostgresUrl(databaseUrl)) {
    return none('SECRET_KEY is not set', 'Set it: with PostgreSQL, every instance needs the same secret.')
  }
  const database = databasePath(databaseUrl)
  if (database === null)
    return { secretKey: undefined, findings: [ok('not stored for a database in memory')] }
  const path = secretKeyPath(database)
  if (!existsSync(path)) {
    if (!existsSync(database))
      return { secretKey: undefined, findings: [ok(`the service creates ${path} at its first start`)] }
    return none(
      `SECRET_KEY is not set, and ${path} does not exist`,
      `Restore ${path}, or set SECRET_KEY to its content: the service does not start without it.`,
    )
  }
  const kept = readFileSync(path, 'utf8').trim()
  if (isSecretKey(kept)) return { secretKey: kept, findings: [ok(`stored in ${path}`)] }
  return none(`${path} is too short to hold a secret`, 'Restore it, or set SECRET_KEY.')
}

function none(detail: string, remedy: string): FoundSecret {
  return { secretKey: undefined, findings: [fail(detail, remedy)] }
}

/** @param secretKey undefined if there is none to try */
export function checkKeys(
  rows: SigningKeyRow[],
  secretKey: string | undefined,
  { algorithm, keyRotationDays }: Config,
): Finding[] {
  const now = new Date()
  const live = rows.filter((key) => isLive(key, now))
  const findings: Finding[] = []
  const unopened = secretKey === undefined ? [] : live.filter((key) => !opens(key, secretKey))
  if (unopened.length > 0) {
    findings.push(
      fail(
        `SECRET_KEY does not open ${unopened.map(({ kid }) => kid).join(', ')}: the service would not start`,
        'Set the SECRET_KEY that the keys were sealed with. ' +
          'If postern keys reseal was interrupted, run it again. ' +
          'If a key was changed in the database, retire it with postern keys retire.',
      ),
    )
  }
  const signer = live.findLast(
    (key) =>
      key.algorithm === algorithm &&
      ['signing', 'verifying'].includes(stateOf(key, rows, now)) &&
      key.retiresAt === null,
  )
  if (!signer)
    return [
      ...findings,
      ok(`there is no ${algorithm} signing key yet: the service creates one when it starts`),
    ]
  const age = (now.getTime() - signer.createdAt.getTime()) / DAY
  findings.push(...checkAge(signer.kid, age, keyRotationDays), ...findOverdue(live, rows, now))
  if (findings.some(({ status }) => status !== 'ok')) return findings
  return [
    ok(
      `${signer.kid} has signed with ${algorithm} for ${age.toFixed(0)} days; keys that verify: ${live.length}`,
    ),
  ]
}

function opens(key: SigningKeyRow, secretKey: string): boolean {
  try {
    openKey(createSealer(secretKey), key)
    return true
  } catch {
    return false
  }
}

function checkAge(kid: string, age: number, rotationDays: number | undefined): Finding[] {
  const detail = `${kid} has signed for ${age.toFixed(0)} days`
  if (rotationDays !== undefined && age > rotationDays + GRACE) {
    return [
      warn(
        `${detail}, and KEY_ROTATION_DAYS is ${rotationDays}`,
        'Start the service, which rotates the keys, and check its log; or run postern keys rotate.',
      ),
    ]
  }
  if (rotationDays !== undefined || age <= OLD) return []
  return [warn(detail, 'Set KEY_ROTATION_DAYS, or run postern keys rotate.')]
}

/** Keys that were replaced long ago, but never retired. */
function findOverdue(live: SigningKeyRow[], rows: SigningKeyRow[], now: Date): Finding[] {
  const overdue = live.filter(({ kid, retiresAt }) => {
    const successor = rows.find(({ predecessor }) => predecessor === kid)
    return retiresAt === null && successor && now.getTime() - successor.activatesAt.getTime() > GRACE * DAY
  })
  return overdue.map(({ kid }) =>
    warn(`${kid} was replaced long ago, but still verifies`, 'Start the service, which retires it.'),
  )
}
