import { hash as bcryptHash, verify as bcryptVerify, genSaltSync } from '@node-rs/bcrypt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ActionContext } from '../hooks/events.ts'
import { AbandonedError, HashQueue, OverloadedError } from './hash-queue.ts'
import { findPasswordFault, isHashable } from './policy.ts'

/** Password hashing by bcrypt, off the event loop. */
export interface Passwords {
  /** What speaks against a new password, as a sentence; undefined for a good one. */
  findFault(password: string): Promise<string | undefined>
  /**
   * @param context who waits for it; once he has gone, it is not made
   * @returns a modular-crypt string, `$2b$…`
   * @throws the problem `overloaded`, before hashing
   */
  hash(password: string, context?: ActionContext): Promise<string>
  /**
   * Takes the same time whether or not there is an account to compare with.
   *
   * @param hashed the account's hash (`$2a$`, `$2b$` or `$2y$`), or undefined where there is no account
   * @param context who waits for it; once he has gone, it is not done
   * @throws the problem `overloaded`, before hashing
   */
  verify(password: string, hashed: string | undefined, context?: ActionContext): Promise<boolean>
  /** Whether a hash was made at another cost than the present one. */
  needsRehash(hashed: string): boolean
  /** Where hashes wait for their turn. */
  readonly queue: Pick<HashQueue, 'concurrency' | 'waits' | 'shed' | 'abandoned' | 'waiting' | 'running'>
}

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
  }
}

interface PasswordsOptions {
  /** The binary logarithm of bcrypt's rounds. */
  bcryptCost: number
  /** In characters. */
  passwordMinLength: number
}

/** Characters of a modular-crypt string: `$2b$`, the cost, `$` and the salt; and what follows them. */
const SALT_LENGTH = 29
const DIGEST_LENGTH = 31

/** Milliseconds that a hash takes on an ordinary core, until the queue has measured it here. */
const DURATION_AT_COST_12 = 250

async function passwords(app: FastifyInstance, options: PasswordsOptions): Promise<void> {
  const { bcryptCost, passwordMinLength } = options
  // A salt of the present cost and a digest that no password has. The salt comes with base64 padding, which no hash has:
  // with it the comparison would fail at once, and its speed would tell who has no account.
  const nobodysHash = genSaltSync(bcryptCost, '2b').slice(0, SALT_LENGTH) + '.'.repeat(DIGEST_LENGTH)

  const queue = new HashQueue(DURATION_AT_COST_12 * 2 ** (bcryptCost - 12))

  async function inTurn<T>(hash: () => Promise<T>, context: ActionContext = {}): Promise<T> {
    const origin = app.clientAddress.of(context)
    const isAbandoned = () => context.request?.raw.socket?.destroyed === true
    try {
      return await queue.run(hash, { origin, isAbandoned })
    } catch (error) {
      if (error instanceof OverloadedError) throw app.problem('overloaded')
      if (error instanceof AbandonedError) throw app.problem('request_timeout')
      throw error
    }
  }

  app.decorate('passwords', {
    findFault: (password) => findPasswordFault(password, passwordMinLength),

    hash: (password, context) => inTurn(() => bcryptHash(password, bcryptCost), context),

    async verify(password, hashed, context) {
      const hashable = isHashable(password)
      const compare = () => bcryptVerify(hashable ? password : '', hashed ?? nobodysHash)
      const matches = await inTurn(compare, context)
      return matches && hashable && hashed !== undefined
    },

    needsRehash: (hashed) => Number(hashed.split('$')[2]) !== bcryptCost,

    queue,
  })
}

export default fp(passwords, {
  name: 'postern-passwords',
  dependencies: ['postern-errors', 'postern-client-address'],
})
