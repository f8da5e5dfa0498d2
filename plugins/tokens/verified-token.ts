import type { PrincipalSlot } from '../../drizzle/index.ts'
import type { Auth } from '../postern.ts'
import type { SigningKey } from '../signing-keys/index.ts'
import type { AccessTokenClaims } from '../signing-keys/jwt.ts'

/** A token that Postern issued and that has not expired. Whether it is revoked, the database says in `row`. */
export class VerifiedToken implements PrincipalSlot {
  readonly claims: AccessTokenClaims
  readonly key: SigningKey
  row: PrincipalSlot['row']
  state: PrincipalSlot['state'] = null
  #auth: Auth | undefined

  constructor(claims: AccessTokenClaims, key: SigningKey) {
    this.claims = claims
    this.key = key
  }

  /**
   * The token as `request.auth`. Created when it is first read: it would be over a third of a cached token's memory.
   */
  get auth(): Auth {
    this.#auth ??= toAuth(this.claims, this)
    return this.#auth
  }

  get userId(): string {
    return this.claims.sub
  }

  get jti(): string {
    return this.claims.jti
  }

  get kid(): string {
    return this.key.kid
  }
}

/**
 * The claims of a token as `request.auth`.
 *
 * @param slot what the database says, for a token without the user's e-mail
 */
export function toAuth(
  { sub, email, jti, iat, exp }: AccessTokenClaims,
  slot?: Pick<PrincipalSlot, 'row'>,
): Auth {
  // Requests with the same token share it, so nothing in it may be changed. That is why each read creates a new date.
  return Object.freeze({
    userId: sub,
    get email() {
      return email || (slot?.row?.email ?? '')
    },
    tokenId: jti,
    get issuedAt() {
      return new Date(iat * 1000)
    },
    get expiresAt() {
      return new Date(exp * 1000)
    },
  })
}
