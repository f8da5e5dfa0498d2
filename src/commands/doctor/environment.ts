import { availableParallelism } from 'node:os'
import { hash } from '@node-rs/bcrypt'
import type { Config } from '../../settings/environment.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Milliseconds that a hash should take: enough to make guessing expensive, but not so many that logins queue up. */
const FAST_HASH = 30
const SLOW_HASH = 1000

const LOOPBACK = /^(127\.|::1$|localhost$)/

export function checkNode(): Finding[] {
  return [ok(`Node.js ${process.versions.node} on ${process.platform}-${process.arch}`)]
}

/** Times one hash, computed as the service does. */
export async function checkHashing({ bcryptCost }: Config): Promise<Finding[]> {
  const begun = performance.now()
  await hash('an example of a password', bcryptCost)
  const milliseconds = performance.now() - begun
  const perSecond = (1000 / milliseconds) * availableParallelism()
  const detail =
    `a hash at BCRYPT_COST=${bcryptCost} takes ${milliseconds.toFixed(0)} ms: ` +
    `about ${perSecond.toPrecision(2)} logins per second on ${availableParallelism()} cores`
  if (milliseconds > SLOW_HASH) return [warn(detail, 'Lower BCRYPT_COST, or use faster cores.')]
  if (milliseconds < FAST_HASH)
    return [warn(detail, 'Raise BCRYPT_COST: fast hashes make guessing passwords cheap.')]
  return [ok(detail)]
}

export function checkIssuer({ issuer }: Config): Finding[] {
  if (/^https:\/\//.test(issuer) && URL.canParse(issuer)) return [ok(`ISSUER is ${issuer}`)]
  return [
    warn(
      `ISSUER is ${issuer}, which is not an https: URL`,
      'Set it to the public URL, such as https://auth.example.com: libraries use it to find the keys (RFC 8414). ' +
        'Tokens issued before the change are then refused.',
    ),
  ]
}

/** Checks who can become a user, which behind a gateway means who can pass it. */
export function checkRegistration({ registration, trustProxy }: Config): Finding[] {
  if (registration === 'closed') return [ok('closed: users are created by commands')]
  if (trustProxy.length === 0) return [ok('open: everyone can register')]
  return [
    warn(
      'open: everyone can register, and then pass the gateway',
      'If not everyone should, set REGISTRATION=closed, and add users by postern users add.',
    ),
  ]
}

/** Checks that throttling can tell clients apart, and that no client can pose as another. */
export function checkProxies({ trustProxy, host }: Config): Finding[] {
  const wide = trustProxy.filter(isWide)
  if (wide.length > 0) {
    return [
      fail(
        `TRUST_PROXY has ${wide.join(' and ')}: any client can claim any address in X-Forwarded-For`,
        'List only the addresses of your gateways.',
      ),
    ]
  }
  if (trustProxy.length > 0) return [ok(`X-Forwarded-For is trusted from ${trustProxy.join(', ')}`)]
  if (!LOOPBACK.test(host)) {
    return [ok(`X-Forwarded-For is ignored: right if clients connect to ${host} directly`)]
  }
  return [
    warn(
      `only this machine can reach ${host}, and X-Forwarded-For is ignored: ` +
        'behind a gateway, all clients have one address',
      'Set TRUST_PROXY=127.0.0.1 if a gateway on this machine sends X-Forwarded-For.',
    ),
  ]
}

/** Whether a network is wider than any private one: 10.0.0.0/8 (RFC 1918) and fc00::/7 (RFC 4193). */
function isWide(network: string): boolean {
  const prefix = /\/(\d+)$/.exec(network)?.[1]
  return prefix !== undefined && Number(prefix) < (network.includes(':') ? 7 : 8)
}
