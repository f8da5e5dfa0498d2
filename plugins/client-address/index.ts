import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ActionContext } from '../hooks/events.ts'
import { isNonPublic, networkOf } from './network.ts'

/** Tells clients apart by where they come from. */
export interface ClientAddress {
  /**
   * The network that counts as one client.
   *
   * @param mayBeDirect whether a request may well come from a trusted proxy's machine without having come through it
   * @returns undefined where nobody knows
   */
  of(context: ActionContext, mayBeDirect?: boolean): string | undefined
  /** To be told of each network that is throttled as a whole. */
  warnIfShared(network: string): void
}

declare module 'fastify' {
  interface FastifyInstance {
    clientAddress: ClientAddress
  }
}

const REMEDY = 'TRUST_PROXY (in an app of yours: trustProxy of Fastify)'

/**
 * Where clients are told apart wrongly, one of them can have all the others throttled, or none is throttled at all. Nothing shows that
 * but a log, so each way to get there is warned of, once.
 */
async function clientAddress(app: FastifyInstance): Promise<void> {
  const told = new Set<string>()

  function warn(kind: string, message: string): void {
    if (told.has(kind)) return
    told.add(kind)
    app.log.warn(message)
  }

  function warnOfProxies(request: FastifyRequest, peer: string, mayBeDirect: boolean): void {
    const { 'x-forwarded-for': forwardedFor, forwarded } = request.headers
    if (!isTrusted(request)) {
      if (forwardedFor !== undefined) warnOfUntrusted(peer, 'X-Forwarded-For')
      else if (forwarded !== undefined) warnOfUntrusted(peer, 'Forwarded')
    } else if (forwardedFor !== undefined) {
      const { ip, ips = [] } = request
      // The peer, and all addresses up to the first that is not trusted.
      if (String(forwardedFor).split(',').length >= ips.length) warnOfUntrusted(ip, 'X-Forwarded-For')
    } else if (!mayBeDirect) {
      warn(
        'silent',
        `${peer} is a trusted proxy and sent no X-Forwarded-For. Everybody behind it counts as one client. Let it send X-Forwarded-For, or take it out of ${REMEDY}.`,
      )
    }
  }

  function warnOfUntrusted(sender: string, field: string): void {
    warn(
      'untrusted',
      `${sender} sent ${field} and is not a trusted proxy, so that was not believed. Everybody behind ${sender} counts as one client. If it is a gateway of yours, let ${REMEDY} name it; else somebody tried to pass for somebody else, in vain.`,
    )
  }

  function ofRequest(request: FastifyRequest, mayBeDirect: boolean): string | undefined {
    const peer = request.socket.remoteAddress?.replace(/^::ffff:/i, '')
    if (peer === undefined) {
      if (!request.socket.destroyed) {
        warn(
          'unknown',
          `Requests come without an address, as through a Unix socket. Clients cannot be told apart: let Postern listen on a port, and set ${REMEDY} to the gateway’s address.`,
        )
      }
      return undefined
    }
    warnOfProxies(request, peer, mayBeDirect)
    const network = networkOf(request.ip)
    if (network !== undefined) return network
    warn(
      'unreadable',
      `${peer} is a trusted proxy and sent an X-Forwarded-For whose last part is not an address. Everybody of whom it does so counts as one client.`,
    )
    return request.ips?.map(networkOf).findLast((hop) => hop !== undefined)
  }

  app.decorate('clientAddress', {
    of({ address, request }, mayBeDirect = false) {
      if (address !== undefined) return networkOf(address)
      return request && ofRequest(request, mayBeDirect)
    },
    warnIfShared(network) {
      if (!isNonPublic(network)) return
      warn(
        'shared',
        `${network} is throttled, and is no address of the Internet. If it is a gateway, everybody behind it is throttled with it: let it send X-Forwarded-For, and set ${REMEDY} to it.`,
      )
    },
  })
}

export default fp(clientAddress, { name: 'postern-client-address' })

/** An address for documentation (RFC 5737). */
const PROBE = '192.0.2.1'

/** Whether a request comes from a proxy that the app trusts: whether it would believe an `X-Forwarded-For` of that peer's. */
function isTrusted(request: FastifyRequest): boolean {
  const { socket } = request.raw
  const probe = Object.create(request, { raw: { value: { socket, headers: { 'x-forwarded-for': PROBE } } } })
  return (probe as FastifyRequest).ips?.length === 2
}
