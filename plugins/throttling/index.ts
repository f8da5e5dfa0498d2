import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { UserRow } from '../../drizzle/index.ts'
import type { ActionContext, Settings } from '../postern.ts'
import { type Actor, type Charge, createLimits } from './limits.ts'

/** The user whose password a login tries. */
export interface GuessedUser {
  /** Normalised. */
  email: string
  /** Undefined if no user has that e-mail, which changes nothing here. */
  row: Pick<UserRow, 'id' | 'tokenVersion'> | undefined
}

/**
 * Limits what is expensive or reveals something. Each method throws the problem `too_many_requests` before its action
 * starts. Attempts are charged before they run, so that many at once gain nothing; those that do not fail are given
 * back.
 */
export interface Throttling {
  /** @param verify whether the password is right */
  guess(user: GuessedUser, context: ActionContext, verify: () => Promise<boolean>): Promise<boolean>
  /** @param register creates the user */
  registration<T>(context: ActionContext, register: () => Promise<T>): Promise<T>
  /** @param verify whether the client's secret is right */
  client(request: FastifyRequest, verify: () => Promise<boolean>): Promise<boolean>
}

declare module 'fastify' {
  interface FastifyInstance {
    throttling: Throttling
  }
}

type ThrottlingSettings = Pick<
  Settings,
  | 'secretKey'
  | 'throttle'
  | 'loginFailuresPerAccount'
  | 'loginFailuresPerAddress'
  | 'registrationsPerAddress'
  | 'clientFailuresPerAddress'
>

/** The share of a user's failures that one address may spend, so that one address alone cannot spend all of them. */
const SHARE_OF_ONE_ADDRESS = 0.2

/** Seconds. */
const HOUR = 3600
const DAY = 24 * HOUR
/** How long an address stays known to a user, in seconds from their last login from it. */
const KNOWN_FOR = 30 * DAY

async function throttling(app: FastifyInstance, settings: ThrottlingSettings): Promise<void> {
  if (!settings.throttle) {
    app.decorate('throttling', {
      guess: (_user, _context, verify) => verify(),
      registration: (_context, register) => register(),
      client: (_request, verify) => verify(),
    })
    return
  }

  const { clientAddress, database } = app
  const { create, check, spend, giveBack, settle } = createLimits(app, settings)
  const { loginFailuresPerAccount: perUser } = settings
  const perUserAndAddress = Math.max(1, Math.floor(perUser * SHARE_OF_ONE_ADDRESS))
  const pairFailures = create('login_failures_per_account_and_address', perUserAndAddress, DAY)
  const userFailures = create('login_failures_per_account', perUser, DAY)
  const addressFailures = create('login_failures_per_address', settings.loginFailuresPerAddress, DAY)
  const registrations = create('registrations_per_address', settings.registrationsPerAddress, HOUR)
  const clientFailures = create('client_failures_per_address', settings.clientFailuresPerAddress, HOUR)
  const knownAddresses = database.createRateLimiter({
    keyPrefix: 'known_addresses',
    points: 1,
    duration: KNOWN_FOR,
  })

  async function guess(
    { email, row }: GuessedUser,
    context: ActionContext,
    verify: () => Promise<boolean>,
  ): Promise<boolean> {
    const network = clientAddress.of(context)
    // The version is part of the key: another password, or a log-out everywhere, resets the limits.
    const user = [email, `${row?.tokenVersion ?? 0}`]
    const pair = network === undefined ? undefined : pairFailures(network, ...user)
    const isKnown = pair !== undefined && (await knownAddresses.has(pair.key))
    const charges: Charge[] = []
    if (network !== undefined && !isKnown) charges.push(addressFailures(network))
    if (pair) charges.push(pair)
    if (!isKnown) charges.push(userFailures(...user))
    await spend(charges, { endpoint: '/login', network, email, userId: row?.id ?? null, ...context })

    const isRight = await verify().catch(async (error: unknown) => {
      // The password was not verified, so nothing was revealed.
      await giveBack(charges)
      throw error
    })
    if (isRight) {
      await giveBack(charges.filter((charge) => charge !== pair))
      if (pair) await settle([pair.limiter.delete(pair.key), knownAddresses.restart(pair.key)])
    }
    return isRight
  }

  async function registration<T>(context: ActionContext, register: () => Promise<T>): Promise<T> {
    const network = clientAddress.of(context)
    const charges = network === undefined ? [] : [registrations(network)]
    await spend(charges, { endpoint: '/register', network, ...context })
    return await register().catch(async (error: { code?: string }) => {
      // Any other failure was cheap and revealed nothing.
      if (error.code !== 'email_taken') await giveBack(charges)
      throw error
    })
  }

  async function client(request: FastifyRequest, verify: () => Promise<boolean>): Promise<boolean> {
    const network = clientAddress.of({ request }, true)
    const charges = network === undefined ? [] : [clientFailures(network)]
    const actor: Actor = { endpoint: request.routeOptions.url ?? '', network, request }
    // Charged only after a failure: clients send many requests at once, and their secrets are too long to be guessed.
    await check(charges, actor)
    const isRight = await verify()
    if (!isRight) await spend(charges, actor)
    return isRight
  }

  app.decorate('throttling', { guess, registration, client })
}

export default fp(throttling, {
  name: 'postern-throttling',
  dependencies: [
    'postern-audit',
    'postern-client-address',
    'postern-database',
    'postern-hooks',
    'postern-metrics',
    'postern-problem',
  ],
})
