import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Settings } from './postern.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * An `onRequest` hook that refuses a form which a page of another site sends. Browsers let every page send forms,
     * and their failures would count for the visitor's address. Other bodies need no check: a browser sends them only
     * where CORS allows it.
     *
     * @throws the problem `cross_site_request`
     */
    sameOrigin: onRequestHookHandler
  }
}

const FORM = 'application/x-www-form-urlencoded'

/** Tells our own pages' forms from others' by what browsers add to a request (W3C Fetch Metadata, RFC 6454). */
async function sameOrigin(
  app: FastifyInstance,
  { corsOrigin, issuer }: Pick<Settings, 'corsOrigin' | 'issuer'>,
): Promise<void> {
  const allowed = new Set([...corsOrigin, ...(URL.canParse(issuer) ? [new URL(issuer).origin] : [])])

  /** Whether another site's page sends a request. Clients that are no browsers send neither header. */
  function isCrossSite({ headers, host }: FastifyRequest): boolean {
    const { origin, 'sec-fetch-site': site } = headers
    if (site === 'same-origin' || allowed.has('*')) return false
    if (origin === undefined) return site === 'cross-site'
    if (allowed.has(origin)) return false
    // Without the scheme: a gateway that ends TLS does not always say so.
    return site === 'cross-site' || !URL.canParse(origin) || new URL(origin).host !== host
  }

  app.decorate('sameOrigin', (request, _reply, done) => {
    const isForm = request.headers['content-type']?.trimStart().toLowerCase().startsWith(FORM)
    done(isForm && isCrossSite(request) ? app.problem('cross_site_request') : undefined)
  })
}

export default fp(sameOrigin, { name: 'postern-same-origin', dependencies: ['postern-problem'] })
