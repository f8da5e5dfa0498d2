import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { v7 as uuidv7 } from 'uuid'
import type { UserRow } from '../drizzle/index.ts'
import { type AccessTokenClaims, ALGORITHMS } from './jwt.ts'
import type { Auth } from './postern.ts'
import type { SigningKey } from './signing-keys.ts'

/** An access token as a client receives it (RFC 6749 section 5.1). */
export interface IssuedToken {
  accessToken: string
  /** Its `jti`. */
  tokenId: string
  /** Seconds. */
  expiresIn: number
}

/** A token that Postern issued and that has not expired; whether it has been revoked is another question. */
export interface VerifiedToken {
  claims: AccessTokenClaims
  kid: string
}

/** Issues, verifies and revokes access tokens. */
export interface Tokens {
  issue(user: Pick<UserRow, 'id' | 'email' | 'tokenVersion'>): Promise<IssuedToken>
  /** @throws the problem `invalid_token` */
  verify(token: string): Promise<VerifiedToken>
  /** The token is refused from the moment in which this resolves; by then that is durable. */
  revoke(token: Pick<Auth, 'tokenId' | 'userId' | 'expiresAt'>): Promise<void>
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

  /** The header names the key, and is compared whole: no `alg`, `crit` or `jku` of a stranger's is ever looked at. */
  async function findKey(token: string): Promise<SigningKey | undefined> {
    const header = token.slice(0, token.indexOf('.'))
    const key = app.signingKeys.findByHeader(header)
    if (key || !mayBeOurs(header)) return key
    await app.signingKeys.refresh()
    return app.signingKeys.findByHeader(header)
  }

  app.decorate('tokens', {
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

    async verify(token) {
      const key = await findKey(token)
      if (!key) throw app.problem('invalid_token', { detail: 'The access token was not issued here' })
      try {
        return { claims: key.verify(token), kid: key.kid }
      } catch (error) {
        const expired = (error as { code?: string }).code === 'FAST_JWT_EXPIRED'
        throw app.problem('invalid_token', {
          detail: expired ? 'The access token has expired' : 'The access token is not valid',
        })
      }
    },

    revoke: ({ tokenId, userId, expiresAt }) =>
      app.database.blacklistedTokens.insert({
        jti: tokenId,
        userId,
        expiresAt,
        createdAt: new Date(),
      }),
  })
}

export default fp(tokens, {
  name: 'postern-tokens',
  dependencies: ['postern-errors', 'postern-database', 'postern-signing-keys'],
})

/** What a token says, in the words of Postern's interface for code. */
export function toAuth({ sub, email, jti, iat, exp }: AccessTokenClaims): Auth {
  return {
    userId: sub,
    email,
    tokenId: jti,
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
  }
}

/** Whether an unknown header could be of a key that another process has just made: else the database is not asked. */
function mayBeOurs(encodedHeader: string): boolean {
  try {
    const { alg, kid } = JSON.parse(Buffer.from(encodedHeader, 'base64url').toString())
    return typeof kid === 'string' && ALGORITHMS.includes(alg)
  } catch {
    return false
  }
}
