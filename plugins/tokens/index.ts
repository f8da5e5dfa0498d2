import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { v7 as uuidv7 } from 'uuid'
import type { UserRow } from '../../drizzle/index.ts'
import type { ActionContext } from '../hooks/events.ts'
import type { Auth } from '../postern.ts'
import type { Refusal } from '../problem/codes.ts'
import { isFastapiHeader } from '../signing-keys/fastapi.ts'
import type { SigningKey } from '../signing-keys/index.ts'
import { type AccessTokenClaims, ALGORITHMS } from '../signing-keys/jwt.ts'
import { TokenCache } from './cache.ts'
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
  /** A token that has been verified before and still counts as such; at once, and whatever the text is. */
  recall(token: string): VerifiedToken | undefined
  /**
   * Finds out who issued a token and when it expires.
   *
   * @returns a promise only where the token's key has to be looked for
   * @throws the problem `invalid_token`, also by the promise
   */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>
  /** The token is refused from the moment in which this resolves; by then that is durable. */
  revoke(token: Pick<Auth, 'tokenId' | 'userId' | 'expiresAt'>, context?: ActionContext): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
}

interface TokensOptions {
  issuer: string
  audience: string
  /** Seconds that a token lives. */
  tokenLifetime: number
}

/** The client of Postern's own login (RFC 9068 section 2.2). */
const CLIENT_ID = 'postern'

async function tokens(app: FastifyInstance, options: TokensOptions): Promise<void> {
  const { issuer, audience, tokenLifetime } = options

  const cache = new TokenCache<VerifiedToken>()

  function recall(token: string): VerifiedToken | undefined {
    const remembered = cache.get(token)
    if (remembered === undefined || counts(remembered)) return remembered
    cache.delete(token)
    return undefined
  }

  /** By what this process knows; undefined where it does not know the key. */
  function verifyNow(token: string): VerifiedToken | undefined {
    const remembered = recall(token)
    if (remembered) return remembered
    // The header names the key, and is compared whole: no `alg`, `crit` or `jku` of a stranger's is ever looked at.
    const key = app.signingKeys.findByHeader(headerOf(token))
    if (!key) return undefined
    const verified = new VerifiedToken(verifyBy(key, token), key)
    cache.set(token, verified)
    return verified
  }

  function counts({ key, claims }: VerifiedToken): boolean {
    return claims.exp * 1000 > Date.now() && app.signingKeys.findByHeader(key.header) === key
  }

  function verifyBy(key: SigningKey, token: string): AccessTokenClaims {
    try {
      return key.verify(token)
    } catch (error) {
      const expired = (error as { code?: string }).code === 'FAST_JWT_EXPIRED'
      throw expired
        ? invalid('expired', 'The access token has expired')
        : invalid('invalid', 'The access token is not valid')
    }
  }

  async function verifyByNewKey(token: string): Promise<VerifiedToken> {
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
        exp: iat + tokenLifetime,
        ver: user.tokenVersion,
        email: user.email,
      })
      return { accessToken, tokenId, expiresIn: tokenLifetime }
    },

    verify(token) {
      const verified = verifyNow(token)
      if (verified) return verified
      if (!mayBeOurs(headerOf(token))) throw notIssuedHere()
      return verifyByNewKey(token)
    },

    async revoke({ tokenId, userId, expiresAt }, context) {
      const row = { jti: tokenId, userId, expiresAt, createdAt: new Date() }
      await app.audit.by('authn_token_revoked', { userId, target: tokenId, ...context }, (event) =>
        app.database.blacklistedTokens.insert(row, event),
      )
    },
  })
}

export default fp(tokens, {
  name: 'postern-tokens',
  dependencies: ['postern-errors', 'postern-audit', 'postern-database', 'postern-signing-keys'],
})

function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.'))
}

/** Whether an unknown header could be of a key that another process has just made or imported: else the database is not asked. */
function mayBeOurs(encodedHeader: string): boolean {
  if (isFastapiHeader(encodedHeader)) return true
  try {
    const { alg, kid } = JSON.parse(Buffer.from(encodedHeader, 'base64url').toString())
    return typeof kid === 'string' && ALGORITHMS.includes(alg)
  } catch {
    return false
  }
}
