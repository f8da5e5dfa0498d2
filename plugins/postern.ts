import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { toAccount } from './accounts/index.ts'
import type { ActionContext, User } from './hooks/events.ts'
import { toAuth } from './tokens/verified-token.ts'

/** What somebody must know to log in. */
export interface Credentials {
  email: string
  password: string
}

/** Somebody who is to have an account. */
export interface NewAccount extends Credentials {
  name?: string | undefined
}

/** A login: whose, and the access token that it brought. */
export interface Login {
  user: User
  accessToken: string
  /** Seconds. */
  expiresIn: number
}

/** Whose request it is, by its access token. */
export interface Auth {
  userId: string
  email: string
  /** The token's `jti`. */
  tokenId: string
  issuedAt: Date
  expiresAt: Date
}

/** Metrics as they go over the wire. */
export interface Exposition {
  contentType: string
  body: string
}

/**
 * An `onRequest` hook that admits a request by its bearer token. What it throws has the `statusCode`, the `code` and the `headers` of
 * the answer, and where it is given the reply, it has put the headers there.
 */
export interface Authenticate {
  (request: FastifyRequest, reply?: FastifyReply): Promise<void>
  /** The same for routes that serve both: a request without a token passes, and `request.auth` stays null. */
  optional(request: FastifyRequest, reply?: FastifyReply): Promise<void>
}

/**
 * Postern, for the code of its host. Where a method throws a problem, the error has the `statusCode`, the `code` and the `headers` of
 * the answer that Postern's own endpoint would give.
 */
export interface Postern {
  /** @throws the problems `invalid_request` and `email_taken`, and what a `beforeRegister` hook throws */
  register(account: NewAccount, context?: ActionContext): Promise<User>
  /** @throws the problems `invalid_credentials` and `account_disabled`, and what a `beforeLogin` hook throws */
  login(credentials: Credentials, context?: ActionContext): Promise<Login>
  /**
   * Decides about a token by the database's present state, as `app.authenticate` does.
   *
   * @throws the problem `invalid_token`
   */
  verifyToken(token: string): Promise<Auth>
  /**
   * Refuses a token from now on. When it resolves, that is durable.
   *
   * @param token an access token, or what `request.auth` says of one
   * @throws the problem `invalid_token` where Postern did not issue it, or it has expired
   */
  revokeToken(token: string | Auth, context?: ActionContext): Promise<void>
  /** @returns undefined where there is none, like all of the following */
  findUser(by: { id: string } | { email: string }): Promise<User | undefined>
  /** Refuses the account's tokens and logins, from the next request on. */
  disableUser(id: string, context?: ActionContext): Promise<User | undefined>
  /** Lets it log in again. Tokens from before it was disabled stay refused. */
  enableUser(id: string, context?: ActionContext): Promise<User | undefined>
  /**
   * Sets another password, and refuses the tokens issued so far.
   *
   * @throws the problem `invalid_request` where the password is no good
   */
  setPassword(id: string, password: string, context?: ActionContext): Promise<User | undefined>
  /** Refuses the tokens issued so far. */
  logOutEverywhere(id: string, context?: ActionContext): Promise<User | undefined>
  deleteUser(id: string, context?: ActionContext): Promise<User | undefined>
  /** Resolves when the database answers. */
  ping(): Promise<void>
  /**
   * What has been counted since the start, for Prometheus; only where the option `metrics` is set.
   *
   * @param accept the `Accept` header of whoever asks
   */
  metrics(accept?: string): Promise<Exposition>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Guards a route: admits a request whose bearer token counts at this moment, and refuses every other with 401. */
    authenticate: Authenticate
    /** Postern, for your code. */
    postern: Postern
  }
  interface FastifyRequest {
    /** Whose request it is; null before `app.authenticate` has admitted it. */
    auth: Auth | null
  }
}

/** Gathers what a host's code may call. */
async function postern(app: FastifyInstance): Promise<void> {
  const { accounts, administration, audit, counters, database, hookRunner, metrics, tokens } = app

  app.decorate('postern', {
    register: (account, context = {}) => accounts.register(account, context),

    async login(credentials, context = {}) {
      const row = await accounts.authenticate(credentials, context)
      const { accessToken, expiresIn, tokenId } = await tokens.issue(row)
      const user = toAccount(row)
      await audit.record('authn_login_success', { userId: row.id, target: tokenId, ...context })
      counters.logins.succeeded += 1
      hookRunner.tell('onLoggedIn', { user, tokenId, ...context })
      return { user, accessToken, expiresIn }
    },

    async verifyToken(token) {
      const { claims, account } = await app.checkToken(token)
      return toAuth(claims, { row: account })
    },

    async revokeToken(token, context = {}) {
      const { tokenId, userId, expiresAt } =
        typeof token === 'string' ? toAuth((await tokens.verify(token)).claims) : token
      await tokens.revoke({ tokenId, userId, expiresAt }, context)
      counters.revocations += 1
      hookRunner.tell('onLoggedOut', { userId, tokenId, ...context })
    },

    ...administration,
    ping: database.ping,
    metrics: (accept) => metrics.expose(accept),
  })
}

export default fp(postern, {
  name: 'postern-service',
  dependencies: ['postern-administration', 'postern-authenticate', 'postern-hooks', 'postern-metrics'],
})
