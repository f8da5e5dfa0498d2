import { hash as bcryptHash } from '@node-rs/bcrypt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ActionContext, Settings } from '../postern.ts'
import { costOf } from './bcrypt.ts'
import { AbandonedError, OverloadedError } from './hash-queue.ts'
import { knownWords, type PasswordOwner } from './known-words.ts'
import { createMeasuredQueue } from './measured-queue.ts'
import { findPasswordFault } from './policy.ts'
import { verifyPassword } from './verify.ts'

/** Password hashing by bcrypt, off the event loop. */
export interface Passwords {
  /** Why a user's new password is not acceptable, as a sentence; undefined if it is. */
  findFault(password: string, owner: PasswordOwner): Promise<string | undefined>
  /**
   * @param context the client that waits; if it disconnects before its turn, nothing is hashed
   * @returns a modular-crypt string, `$2b$…`
   * @throws the problem `overloaded`, before hashing
   */
  hash(password: string, context?: ActionContext): Promise<string>
  /**
   * Takes the same time for every wrong password, whether or not there is a user to compare with: that of the highest
   * cost in use.
   *
   * @param hashed the user's hash (`$2a$`, `$2b$` or `$2y$`), or undefined if there is no user
   * @param context the client that waits; if it disconnects before its turn, nothing is hashed
   * @throws the problem `overloaded`, before hashing
   */
  verify(password: string, hashed: string | undefined, context?: ActionContext): Promise<boolean>
  /** Whether a hash has another cost than the present one. */
  needsRehash(hashed: string): boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
  }
}

/** Milliseconds that a hash takes on an ordinary core. The queue uses it until it has measured its own. */
const DURATION_AT_COST_12 = 250

async function passwords(
  app: FastifyInstance,
  settings: Pick<Settings, 'bcryptCost' | 'issuer' | 'passwordMinLength'>,
): Promise<void> {
  const { bcryptCost, issuer, passwordMinLength: minLength } = settings
  const { users } = app.database
  const queue = createMeasuredQueue(DURATION_AT_COST_12 * 2 ** (bcryptCost - 12), app.metrics)

  async function enqueue<T>(hash: () => Promise<T>, context: ActionContext = {}): Promise<T> {
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
    findFault: (password, owner) =>
      findPasswordFault(password, { minLength, words: knownWords(owner, issuer) }),

    hash: (password, context) => enqueue(() => bcryptHash(password, bcryptCost), context),

    async verify(password, hashed, context) {
      const cost = Math.max(bcryptCost, (await users.highestHashCost()) ?? 0)
      return await enqueue(() => verifyPassword(password, hashed, cost), context)
    },

    needsRehash: (hashed) => costOf(hashed) !== bcryptCost,
  })
}

export default fp(passwords, {
  name: 'postern-passwords',
  dependencies: ['postern-client-address', 'postern-database', 'postern-metrics', 'postern-problem'],
})
