import type { BlacklistedTokenRow, SigningKeyRow } from '../../../../../drizzle/index.ts'
import type { ForeignDatabase, ForeignRow } from '../../../../../drizzle/sqlite/foreign.ts'
import {
  createFastapiJwts,
  createFastapiKid,
  FASTAPI_ALGORITHM,
  FASTAPI_PREDECESSOR,
  fastapiUserId,
  type SubjectClaim,
} from '../../../../../plugins/signing-keys/fastapi.ts'
import type { AccessTokenClaims } from '../../../../../plugins/signing-keys/jwt.ts'
import { isLive } from '../../../../../plugins/signing-keys/lifecycle.ts'
import { createSealer } from '../../../../../plugins/signing-keys/sealing.ts'
import { openKey } from '../../../../../plugins/signing-keys/stored-key.ts'
import type { Context } from '../../../context.ts'
import { assertSecretKey } from '../../../keys/reseal.ts'
import { createId } from '../ids.ts'
import type { ImportedUser } from '../user.ts'
import type { FastapiSchema } from './schema.ts'
import { fastapiSecret } from './secret.ts'

/** Tokens per batch. */
const STEP = 1000

/** Milliseconds for which a revoked token is not taken for expired: the clock of this machine may be ahead. */
const MARGIN = 86_400_000

/** How to accept the tokens of a FastAPI app. */
export interface TokenOptions {
  /** The longest lifetime of these tokens, in minutes. */
  minutes: number
  /** The claim that names the user, and the column that has its value. */
  claim: SubjectClaim
  column: string
}

/** The result of importing the revoked tokens. */
export interface RevokedTokens {
  /** Are now refused here too. */
  revoked: number
  /** Have expired long ago, and are refused anyway. */
  expired: number
  /** Would not be accepted: signed with another secret, or no access tokens. */
  others: number
}

/** Accepts the tokens of a FastAPI app until the last of them has expired. */
export class TokenAcceptance {
  readonly #context: Context
  readonly #options: TokenOptions
  readonly #table: NonNullable<FastapiSchema['tokens']>
  readonly #secret: string
  /** The latest key for FastAPI tokens, retired or not. */
  readonly #last: SigningKeyRow | undefined

  private constructor(
    context: Context,
    options: TokenOptions,
    table: NonNullable<FastapiSchema['tokens']>,
    secret: string,
    last: SigningKeyRow | undefined,
  ) {
    this.#context = context
    this.#options = options
    this.#table = table
    this.#secret = secret
    this.#last = last
  }

  /** @throws if accepting the tokens would not be safe */
  static async prepare(
    context: Context,
    { users, tokens }: FastapiSchema,
    options: TokenOptions,
  ): Promise<TokenAcceptance> {
    if (!users.allColumns.includes(options.column)) {
      throw new Error(
        `--token-subject names the column ${options.column}, which the table of users does not have.`,
      )
    }
    if (!tokens) {
      throw new Error(
        'There is no table blacklisted_tokens with a column token. Without it, revoked tokens cannot be told ' +
          'from others, so none can be accepted.',
      )
    }
    await assertSecretKey(context)
    const secret = fastapiSecret(context)
    const keys = await context.database.signingKeys.list()
    const last = keys.findLast(({ algorithm }) => algorithm === FASTAPI_ALGORITHM)
    const acceptance = new TokenAcceptance(context, options, tokens, secret, last)
    acceptance.#assertSameSecret()
    return acceptance
  }

  /** The key that is accepted already, if there is one. */
  get #key(): SigningKeyRow | undefined {
    return this.#last && isLive(this.#last, new Date()) ? this.#last : undefined
  }

  /** A FastAPI token does not name its key, so there can be only one. */
  #assertSameSecret(): void {
    if (!this.#key) return
    const { kid, retiresAt } = this.#key
    if (openKey(createSealer(this.#context.secretKey), this.#key).privateKey === this.#secret) return
    throw new Error(
      `Tokens of another FastAPI app are accepted until ${retiresAt?.toISOString()}. ` +
        `Wait until then, or run: postern keys retire ${kid}`,
    )
  }

  /** The id that a user needs so that their tokens are accepted. */
  idOf(row: ForeignRow): string | undefined {
    const subject = row[this.#options.column]
    if (typeof subject !== 'string' && !Number.isSafeInteger(subject)) return undefined
    return fastapiUserId(this.#secret, this.#options.claim, String(subject))
  }

  /**
   * Gives a new id to users who were deleted here: they are imported again, but their earlier tokens stay refused.
   */
  async forgetDeleted(users: ImportedUser[]): Promise<void> {
    const deleted = await this.#context.database.deletedUsers.find(users.map(({ user }) => user.id))
    for (const { user } of users) if (deleted.has(user.id)) user.id = createId()
  }

  /** Refuses the tokens that the app has revoked. Must run first, so that none of them is ever accepted. */
  async importRevoked(database: ForeignDatabase): Promise<RevokedTokens> {
    const { table, column } = this.#table
    const result = { revoked: 0, expired: 0, others: 0 }
    const { issuer, audience } = this.#context.config
    const jwts = await createFastapiJwts({
      secret: this.#secret,
      issuer,
      audience,
      importedAt: new Date(),
      tolerance: MARGIN,
    })
    const verifierOf = new Map(jwts.map(({ header, verify }) => [header, verify]))

    function toRow(value: unknown): BlacklistedTokenRow[] {
      const token = String(value).replace(/^bearer\s+/i, '')
      try {
        const claims = verifierOf.get(token.split('.', 1)[0] ?? '')?.(token)
        if (claims) return [blacklistRow(claims)]
        result.others += 1
      } catch (error) {
        result[(error as { code?: string }).code === 'FAST_JWT_EXPIRED' ? 'expired' : 'others'] += 1
      }
      return []
    }

    for (const rows of database.read(table, STEP)) {
      const revoked = rows.flatMap((row) => toRow(row[column]))
      result.revoked += revoked.length
      if (revoked.length > 0) await this.#context.database.insertRows('blacklistedTokens', revoked)
    }
    if (result.others > 0 && result.revoked + result.expired === 0) {
      throw new Error(
        'None of the revoked tokens was signed with this SECRET_KEY: ' +
          'set FASTAPI_SECRET_KEY to that of the FastAPI app.',
      )
    }
    return result
  }

  /**
   * Accepts the tokens from now on. Must run last.
   *
   * @returns until when
   */
  async begin(): Promise<Date> {
    if (this.#key?.retiresAt) return this.#key.retiresAt
    const { audit, database, secretKey } = this.#context
    const identity = { kid: createFastapiKid(), algorithm: FASTAPI_ALGORITHM, publicKey: null }
    const now = new Date()
    const retiresAt = new Date(now.getTime() + this.#options.minutes * 60_000)
    const row = {
      ...identity,
      predecessor: this.#last?.kid ?? FASTAPI_PREDECESSOR,
      sealedPrivateKey: createSealer(secretKey).seal(this.#secret, identity),
      maxTokenLifetime: this.#options.minutes * 60,
      createdAt: now,
      activatesAt: now,
      retiresAt,
    }
    const inserted = await audit(
      'sensitive_create',
      { reason: 'signing_key', target: identity.kid },
      (event) =>
        this.#last
          ? database.signingKeys.insertSuccessor(row, event)
          : database.signingKeys.insert(row, event),
    )
    if (!inserted) throw new Error('Another process has just begun to accept such tokens.')
    return retiresAt
  }
}

function blacklistRow({ jti, sub, exp }: AccessTokenClaims): BlacklistedTokenRow {
  return { jti, userId: sub, expiresAt: new Date(exp * 1000), createdAt: new Date() }
}
