import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { v7 as uuidv7 } from 'uuid'
import type { UserRow } from '../../drizzle/index.ts'
import type { ActionContext, Auth, Settings } from '../postern.ts'
import type { Refusal } from '../problem/codes.ts'
import type { SigningKey } from '../signing-keys/index.ts'
import type { AccessTokenClaims } from '../signing-keys/jwt.ts'
import { TokenCache } from './cache.ts'
import type { TokenHooks } from './hooks.ts'
import { VerifiedToken } from './verified-token.ts'

/** An access token as a client receives it (RFC 6749 section 5.1). */
export interface IssuedToken {
  accessToken: string
  /** Its `jti`. */
  tokenId: string
  /** Seconds. */
  expiresIn: number
}

/** Issues, verifies and revokes access tokens. */
export interface Tokens {
  issue(user: Pick<UserRow, 'id' | 'email' | 'tokenVersion'>): Promise<IssuedToken>
  /** A token that was verified before and has not expired since. The text may be anything. */
  recall(token: string): VerifiedToken | undefined
  /**
   * Verifies a token's signature and times. Whether it has been revoked is not asked here.
   *
   * @returns a promise only if the token's key has to be loaded
   * @throws the problem `invalid_token`, also through the promise
   */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>
  /** Revokes a token. The revocation is durable when this resolves. */
  revoke(token: Pick<Auth, 'tokenId' | 'userId' | 'expiresAt'>, context?: ActionContext): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
}

type TokensSettings = Pick<Settings, 'issuer' | 'audience' | 'accessTokenExpireMinutes'>

/** The client of Postern's own login (RFC 9068 section 2.2). */
const CLIENT_ID = 'postern'

async function tokens(app: FastifyInstance, settings: TokensSettings): Promise<void> {
  const { issuer, audience, accessTokenExpireMinutes } = settings
  const lifetime = accessTokenExpireMinutes * 60
  const cache = new TokenCache<VerifiedToken>()
  const { tell } = app.hooks.of<TokenHooks>()
  const revocations = app.metrics.counter({
    name: 'revocations_total',
    help: 'Tokens revoked one by one.',
  })

  function recall(token: string): VerifiedToken | undefined {
    const cached = cache.get(token)
    if (cached === undefined || isStillVerified(cached)) return cached
    cache.delete(token)
    return undefined
  }

  /** Verifies with the keys that this process has loaded; undefined if the token's key is not among them. */
  function verifyNow(token: string): VerifiedToken | undefined {
    const cached = recall(token)
    if (cached) return cached
    // The header is compared whole to find the key: its `alg`, `crit` or `jku` is never interpreted.
    const key = app.signingKeys.findByHeader(headerOf(token))
    if (!key) return undefined
    const verified = new VerifiedToken(verifyWith(key, token), key)
    cache.set(token, verified)
    return verified
  }

  function isStillVerified({ key, claims }: VerifiedToken): boolean {
    return claims.exp * 1000 > Date.now() && app.signingKeys.findByHeader(key.header) === key
  }

  function verifyWith(key: SigningKey, token: string): AccessTokenClaims {
    try {
      return key.verify(token)
    } catch (error) {
      const expired = (error as { code?: string }).code === 'FAST_JWT_EXPIRED'
      throw expired
        ? invalid('expired', 'The access token has expired')
        : invalid('invalid', 'The access token is not valid')
    }
  }

  async function verifyWithNewKey(token: string): Promise<VerifiedToken> {
    await app.signingKeys.refresh()
    const verified = verifyNow(token)
    if (!verified) throw notIssuedHere()
    return verified
  }

  function notIssuedHere(): Error {
    return invalid('unknown_key', 'The access token was not issued here')
  }

  function invalid(refusal: Refusal, detail: string): Error {
    return app.problem('invalid_token', { detail, refusal })
  }

  app.decorate('tokens', {
    recall,

    async issue(user) {
      const key = await app.signingKeys.current()
      const tokenId = uuidv7()
      const iat = Math.floor(Date.now() / 1000)
      const accessToken = key.sign({
        iss: issuer,
        aud: audience,
        client_id: CLIENT_ID,
        sub: user.id,
        jti: tokenId,
        iat,
        exp: iat + lifetime,
        ver: user.tokenVersion,
        email: user.email,
      })
      return { accessToken, tokenId, expiresIn: lifetime }
    },

    verify(token) {
      const verified = verifyNow(token)
      if (verified) return verified
      if (!app.signingKeys.mayExist(headerOf(token))) throw notIssuedHere()
      return verifyWithNewKey(token)
    },

    async revoke({ tokenId, userId, expiresAt }, context = {}) {
      const row = { jti: tokenId, userId, expiresAt, createdAt: new Date() }
      await app.audit.by('authn_token_revoked', { userId, target: tokenId, ...context }, (event) =>
        app.database.blacklistedTokens.insert(row, event),
      )
      revocations.inc()
      tell('onLoggedOut', { userId, tokenId, ...context })
    },
  })
}

export default fp(tokens, {
  name: 'postern-tokens',
  dependencies: [
    'postern-audit',
    'postern-database',
    'postern-hooks',
    'postern-metrics',
    'postern-problem',
    'postern-signing-keys',
  ],
})

function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.'))
}
