import { availableParallelism } from 'node:os'
import { hash } from '@node-rs/bcrypt'
import type { Config } from '../../settings/environment.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Milliseconds that a hash should take: enough to make guessing dear, and not so long that logins wait in line. */
const FAST_HASH = 30
const SLOW_HASH = 1000

const LOOPBACK = /^(127\.|::1$|localhost$)/

export function checkNode(): Finding[] {
  return [ok(`Node.js ${process.versions.node} on ${process.platform}-${process.arch}`)]
}

/** Makes a hash as the service does. */
export async function checkHashing({ bcryptCost }: Config): Promise<Finding[]> {
  const begun = performance.now()
  await hash('the password of nobody', bcryptCost)
  const milliseconds = performance.now() - begun
  const perSecond = (1000 / milliseconds) * availableParallelism()
  const detail = `a hash at BCRYPT_COST=${bcryptCost} takes ${milliseconds.toFixed(0)} ms: some ${perSecond.toPrecision(2)} logins a second on ${availableParallelism()} cores`
  if (milliseconds > SLOW_HASH) return [warn(detail, 'Lower BCRYPT_COST, or give the machine faster cores.')]
  if (milliseconds < FAST_HASH)
    return [warn(detail, 'Raise BCRYPT_COST: hashes that are fast are fast to guess too.')]
  return [ok(detail)]
}

export function checkIssuer({ issuer }: Config): Finding[] {
  if (/^https:\/\//.test(issuer) && URL.canParse(issuer)) return [ok(`ISSUER is ${issuer}`)]
  return [
    warn(
      `ISSUER is ${issuer}, which is not an https: URL`,
      'Set it to the public URL, as in https://auth.example.com: libraries find the keys by it (RFC 8414). Tokens that were issued before are refused from then on.',
    ),
  ]
}

/** Whether throttling can tell clients apart, and whether none of them can pass for another. */
export function checkProxies({ trustProxy, host }: Config): Finding[] {
  const wide = trustProxy.filter(isWide)
  if (wide.length > 0) {
    return [
      fail(
        `TRUST_PROXY has ${wide.join(' and ')}: strangers who send X-Forwarded-For pass for any address`,
        'List the addresses of your gateways alone.',
      ),
    ]
  }
  if (trustProxy.length > 0) return [ok(`X-Forwarded-For is believed from ${trustProxy.join(', ')}`)]
  if (!LOOPBACK.test(host)) {
    return [ok(`X-Forwarded-For is believed from nobody: right where clients reach ${host} themselves`)]
  }
  return [
    warn(
      `only this machine reaches ${host}, and X-Forwarded-For is believed from nobody: through a gateway, all clients count as one`,
      'Set TRUST_PROXY=127.0.0.1 if a gateway on this machine sends X-Forwarded-For.',
    ),
  ]
}

/** Whether a network is wider than any private one: 10.0.0.0/8 (RFC 1918) and fc00::/7 (RFC 4193). */
function isWide(network: string): boolean {
  const prefix = /\/(\d+)$/.exec(network)?.[1]
  return prefix !== undefined && Number(prefix) < (network.includes(':') ? 7 : 8)
}
