import type { FastifyReply, FastifyRequest } from 'fastify'
import type { HostDatabase } from '../drizzle/host-database.ts'
import type { Algorithm } from './signing-keys/algorithms.ts'

/** The options of the plugin, complete. The standalone server reads them from environment variables. */
export interface Options {
  /** The database of users and revoked tokens: a path, a `file:` URL, `:memory:` or a `postgres:` URL. */
  databaseUrl: string
  /** PostgreSQL only: the schema of Postern's tables, created where it does not exist. */
  databaseSchema: string
  /** PostgreSQL only: the connections of one process at most. */
  databasePoolSize: number
  /** PostgreSQL only: milliseconds to wait for a connection. */
  databaseConnectTimeoutMs: number
  /** PostgreSQL only: milliseconds that a statement may take. */
  databaseStatementTimeoutMs: number
  /** PostgreSQL only: milliseconds that a statement may wait for a lock. */
  databaseLockTimeoutMs: number
  /** Signs HS256 tokens and seals the stored private keys. By default a file beside the SQLite database holds it. */
  secretKey?: string
  /** How tokens are signed. */
  algorithm: Algorithm
  /** The lifetime of an access token, in minutes. */
  accessTokenExpireMinutes: number
  /** The age in days at which the signing key is replaced; without it, only `postern keys rotate` replaces it. */
  keyRotationDays?: number
  /** The claim `iss` of tokens. */
  issuer: string
  /** The claim `aud` of tokens. */
  audience: string
  /** The binary logarithm of bcrypt's rounds. */
  bcryptCost: number
  /** The least length of a new password, in characters. */
  passwordMinLength: number
  /** Whether everyone may register, or only the operator and the host app create users. */
  registration: 'open' | 'closed'
  /** Whether logins, registrations and the credentials of clients are throttled. */
  throttle: boolean
  /** Wrong passwords in a day for one user, from addresses that the user has not logged in from lately. */
  loginFailuresPerAccount: number
  /** Wrong passwords in a day from one address. */
  loginFailuresPerAddress: number
  /** Registrations in an hour from one address. */
  registrationsPerAddress: number
  /** Wrong client credentials in an hour from one address. */
  clientFailuresPerAddress: number
  /** How long an audit event is kept, in days. */
  auditRetentionDays: number
  /** Origins of web pages that may call the API. In a host app: that may send forms; its own CORS answers the rest. */
  corsOrigin: string[]
}

/** The one settings object, from which every plugin picks its part. */
export interface Settings extends Options {
  secretKey: string
  /** The URL of the database, or the host app's own database. */
  database: string | HostDatabase
  /** Whether requests and queries are measured. */
  metrics: boolean
  /** The hooks of the host app, by name. */
  hooks: object
}

/** A user, as code sees them. */
export interface User {
  /** A UUID; of version 7, unless the user was imported. */
  id: string
  email: string
  name: string | null
  createdAt: Date
  /** Since when the user is disabled; null while enabled. */
  disabledAt: Date | null
}

/** What a user logs in with. */
export interface Credentials {
  email: string
  password: string
}

/** A user to register. */
export interface NewAccount extends Credentials {
  name?: string | undefined
}

/** A successful login: the user, and their access token. */
export interface Login {
  user: User
  accessToken: string
  /** Seconds. */
  expiresIn: number
}

/** Why a login failed. */
export type LoginFailure = 'unknown_email' | 'wrong_password' | 'account_disabled' | 'vetoed'

/** Where an action comes from. */
export interface ActionContext {
  /** The HTTP request, where there is one. */
  request?: FastifyRequest
  /** The client's IP address, where it is not the request's. Throttling tells clients apart by it. */
  address?: string
}

/** Who sent a request, according to its access token. */
export interface Auth {
  userId: string
  email: string
  /** The token's `jti`. */
  tokenId: string
  issuedAt: Date
  expiresAt: Date
}

/** Metrics in the text format of Prometheus. */
export interface Exposition {
  contentType: string
  body: string
}

/**
 * An `onRequest` hook that admits requests with a valid bearer token. The error that it throws has the `statusCode`,
 * the `code` and the `headers` of the response; if it is given the reply, it sets the headers there too.
 */
export interface Authenticate {
  (request: FastifyRequest, reply?: FastifyReply): Promise<void>
  /** The same, but a request without a token passes too: then `request.auth` stays null. */
  optional(request: FastifyRequest, reply?: FastifyReply): Promise<void>
}

/**
 * Postern, for the code of the host app. The problems that its methods throw are errors with the `statusCode`, the
 * `code` and the `headers` of the response that Postern's own endpoint would send.
 */
export interface Postern {
  /** @throws the problems `invalid_request` and `email_taken`, and the error of a `beforeRegister` hook */
  register(account: NewAccount, context?: ActionContext): Promise<User>
  /** @throws the problems `invalid_credentials` and `account_disabled`, and the error of a `beforeLogin` hook */
  login(credentials: Credentials, context?: ActionContext): Promise<Login>
  /**
   * Checks a token against the present state of the database, as `app.authenticate` does.
   *
   * @throws the problem `invalid_token`
   */
  verifyToken(token: string): Promise<Auth>
  /**
   * Revokes a token. The revocation is durable when this resolves.
   *
   * @param token an access token, or the `request.auth` that came of one
   * @throws the problem `invalid_token` if Postern did not issue it, or it has expired
   */
  revokeToken(token: string | Auth, context?: ActionContext): Promise<void>
  /** @returns undefined if there is no such user, like all of the following */
  findUser(by: { id: string } | { email: string }): Promise<User | undefined>
  /** Refuses the user's tokens and logins, from the next request on. */
  disableUser(id: string, context?: ActionContext): Promise<User | undefined>
  /** Lets the user log in again. Tokens from before they were disabled stay refused. */
  enableUser(id: string, context?: ActionContext): Promise<User | undefined>
  /**
   * Sets another password, and refuses the tokens issued so far.
   *
   * @throws the problem `invalid_request` if the password is not acceptable
   */
  setPassword(id: string, password: string, context?: ActionContext): Promise<User | undefined>
  /** Refuses the tokens issued so far. */
  logOutEverywhere(id: string, context?: ActionContext): Promise<User | undefined>
  deleteUser(id: string, context?: ActionContext): Promise<User | undefined>
  /** Resolves when the database answers. */
  ping(): Promise<void>
  /** The metrics since the start, for Prometheus; only with the option `metrics`. */
  metrics(): Promise<Exposition>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Guards a route: admits a request with a valid bearer token, and refuses every other with 401. */
    authenticate: Authenticate
    /** Postern, for your code. */
    postern: Postern
  }
  interface FastifyRequest {
    /** Who sent the request; null until `app.authenticate` has admitted it. */
    auth: Auth | null
  }
}
