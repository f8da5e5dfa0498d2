import type { PrincipalSlot } from '../../drizzle/index.ts'
import type { Auth } from '../postern.ts'
import type { SigningKey } from '../signing-keys/index.ts'
import type { AccessTokenClaims } from '../signing-keys/jwt.ts'

/**
 * A token that Postern issued and that has not expired. Whether it has been revoked is for the database to say, and is said in
 * `row`.
 */
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

  /** What a host may know of it. Not made before somebody asks: it would be more than a third of what a remembered token takes. */
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
 * What a token says, in the words of Postern's interface for code.
 *
 * @param slot what the database says, for a token that does not know its account's e-mail
 */
export function toAuth(
  { sub, email, jti, iat, exp }: AccessTokenClaims,
  slot?: Pick<PrincipalSlot, 'row'>,
): Auth {
  // Requests with the same token share it, so nothing in it can be changed: a date is a new one each time.
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
