import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ActionContext } from '../postern.ts'
import { isNonPublic, networkOf } from './network.ts'
import { isGone, peerOf, rememberPeers } from './peer.ts'

/** Tells clients apart by their addresses. */
export interface ClientAddress {
  /**
   * The network that is treated as one client.
   *
   * @param mayBeDirect whether a request may come from a trusted proxy's machine without having passed through the
   *   proxy
   * @returns undefined if it is not known
   * @throws the problem `request_timeout` if the client has closed the connection and its address was never known
   */
  of(context: ActionContext, mayBeDirect?: boolean): string | undefined
  /** Warns if a network that has just been throttled is probably a gateway. */
  warnIfShared(network: string): void
}

declare module 'fastify' {
  interface FastifyInstance {
    clientAddress: ClientAddress
  }
}

const REMEDY = 'TRUST_PROXY (trustProxy of Fastify in a host app)'

/**
 * If clients are not told apart, one of them can have all others throttled, or none is throttled. Only the log can show
 * that, so each possible cause is warned of once.
 */
async function clientAddress(app: FastifyInstance): Promise<void> {
  const warned = new Set<string>()
  rememberPeers(app)

  function warn(kind: string, message: string): void {
    if (warned.has(kind)) return
    warned.add(kind)
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
        `${peer} is a trusted proxy and sent no X-Forwarded-For, so all clients behind it are treated as one. ` +
          `Let it send X-Forwarded-For, or remove it from ${REMEDY}.`,
      )
    }
  }

  function warnOfUntrusted(sender: string, field: string): void {
    warn(
      'untrusted',
      `${sender} sent ${field} and is not a trusted proxy, so ${field} was ignored and all clients behind ` +
        `${sender} are treated as one. If it is your gateway, add it to ${REMEDY}; otherwise a client tried to forge ` +
        'its address.',
    )
  }

  function ofRequest(request: FastifyRequest, mayBeDirect: boolean): string | undefined {
    const peer = peerOf(request)
    if (peer === undefined) {
      if (isGone(request)) throw app.problem('request_timeout')
      warn(
        'unknown',
        'Requests come without an address, as through a Unix socket, so clients cannot be told apart. ' +
          `Let Postern listen on a port, and set ${REMEDY} to the gateway’s address.`,
      )
      return undefined
    }
    warnOfProxies(request, peer, mayBeDirect)
    const network = networkOf(request.ip)
    if (network !== undefined) return network
    warn(
      'unreadable',
      `${peer} is a trusted proxy and sent an X-Forwarded-For whose last part is not an address. ` +
        'All clients for which it does so are treated as one.',
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
        `${network} is throttled, and is not an address of the Internet. If it is a gateway, all clients behind it ` +
          `are throttled with it: let it send X-Forwarded-For, and add it to ${REMEDY}.`,
      )
    },
  })
}

export default fp(clientAddress, { name: 'postern-client-address', dependencies: ['postern-problem'] })

/** An address for documentation (RFC 5737). */
const PROBE = '192.0.2.1'

/** Whether Fastify would believe an `X-Forwarded-For` from the peer of a request. */
function isTrusted(request: FastifyRequest): boolean {
  const { socket } = request.raw
  const probe = Object.create(request, { raw: { value: { socket, headers: { 'x-forwarded-for': PROBE } } } })
  return (probe as FastifyRequest).ips?.length === 2
}
