import { hash as bcryptHash, verify as bcryptVerify, genSaltSync } from '@node-rs/bcrypt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { findPasswordFault, isHashable } from './password-policy.ts'

/** Password hashing by bcrypt, off the event loop. */
export interface Passwords {
  /** What speaks against a new password, as a sentence; undefined for a good one. */
  findFault(password: string): Promise<string | undefined>
  /** @returns a modular-crypt string, `$2b$…` */
  hash(password: string): Promise<string>
  /**
   * Takes the same time whether or not there is an account to compare with.
   *
   * @param hashed the account's hash (`$2a$`, `$2b$` or `$2y$`), or undefined where there is no account
   */
  verify(password: string, hashed: string | undefined): Promise<boolean>
  /** Whether a hash was made at another cost than the present one. */
  needsRehash(hashed: string): boolean
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

async function passwords(app: FastifyInstance, options: PasswordsOptions): Promise<void> {
  const { bcryptCost, passwordMinLength } = options
  // A salt of the present cost and a digest that no password has.
  const nobodysHash = genSaltSync(bcryptCost, '2b') + '.'.repeat(31)

  app.decorate('passwords', {
    findFault: (password) => findPasswordFault(password, passwordMinLength),

    hash: (password) => bcryptHash(password, bcryptCost),

    async verify(password, hashed) {
      const hashable = isHashable(password)
      const matches = await bcryptVerify(hashable ? password : '', hashed ?? nobodysHash)
      return matches && hashable && hashed !== undefined
    },

    needsRehash: (hashed) => Number(hashed.split('$')[2]) !== bcryptCost,
  })
}

export default fp(passwords, { name: 'postern-passwords' })
