import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { UserRow } from '../../drizzle/index.ts'
import { wideNetworkOf } from '../client-address/network.ts'
import type { ActionContext, Settings } from '../postern.ts'
import type { RateLimitName } from './fields.ts'
import { type Actor, type Charge, createLimits, type Window } from './limits.ts'

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
/** How long an address stays known to a user, in milliseconds from their last login from it. */
const KNOWN_FOR = 30 * DAY * 1000
/** How much of that may pass until another login is recorded, so that most logins write nothing for it. */
const RECORDED_EVERY = DAY * 1000
/** How many times as much a wide network may use as one address: behind it may be many customers. */
const WIDE_FACTOR = 5

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
  const daily = (points: number) => ({ points, duration: DAY, hasGrowingWaits: true })
  const hourly = (points: number) => ({ points, duration: HOUR })
  const pairFailures = create('login_failures_per_account_and_address', daily(perUserAndAddress))
  const userFailures = create('login_failures_per_account', daily(perUser))
  const addressFailures = byNetwork('login_failures_per_address', daily, settings.loginFailuresPerAddress)
  const registrations = byNetwork('registrations_per_address', hourly, settings.registrationsPerAddress)
  const clientFailures = byNetwork('client_failures_per_address', hourly, settings.clientFailuresPerAddress)

  /** Creates a limit for a network, and for the wider network that one customer may have all of. */
  function byNetwork(name: RateLimitName, window: (points: number) => Window, points: number) {
    const narrow = create(name, window(points))
    const wide = create(name, window(points * WIDE_FACTOR))
    return (network: string | undefined): Charge[] =>
      networksOf(network).map((each, index) => (index === 0 ? narrow(each) : wide(each)))
  }

  async function guess(
    { email, row }: GuessedUser,
    context: ActionContext,
    verify: () => Promise<boolean>,
  ): Promise<boolean> {
    const network = clientAddress.of(context)
    // The version is part of the key: another password, or a log-out everywhere, resets the limits.
    const user = [email, `${row?.tokenVersion ?? 0}`]
    const [pair, ...widePairs] = networksOf(network).map((each) => pairFailures(each, ...user))
    const knownUntil = pair && (await database.knownAddresses.expiryOf(pair.key))
    const isKnown = knownUntil !== undefined && knownUntil.getTime() > Date.now()
    const charges = pair ? [pair] : []
    if (!isKnown) charges.push(...widePairs, ...addressFailures(network), userFailures(...user))
    await spend(charges, { endpoint: '/login', network, email, userId: row?.id ?? null, ...context })

    const isRight = await verify().catch(async (error: unknown) => {
      // The password was not verified, so nothing was revealed.
      await giveBack(charges)
      throw error
    })
    if (isRight) {
      await giveBack(charges.filter((charge) => charge !== pair))
      if (pair) await settle([pair.limiter.delete(pair.key), remember(pair.key, knownUntil)])
    }
    return isRight
  }

  async function remember(key: string, knownUntil: Date | undefined): Promise<void> {
    const expiresAt = Date.now() + KNOWN_FOR
    const isRecorded = knownUntil !== undefined && expiresAt - knownUntil.getTime() < RECORDED_EVERY
    if (!isRecorded) await database.knownAddresses.remember(key, new Date(expiresAt))
  }

  async function registration<T>(context: ActionContext, register: () => Promise<T>): Promise<T> {
    const network = clientAddress.of(context)
    const charges = registrations(network)
    await spend(charges, { endpoint: '/register', network, ...context })
    return await register().catch(async (error: { code?: string }) => {
      // Any other failure was cheap and revealed nothing.
      if (error.code !== 'email_taken') await giveBack(charges)
      throw error
    })
  }

  async function client(request: FastifyRequest, verify: () => Promise<boolean>): Promise<boolean> {
    const network = clientAddress.of({ request }, true)
    const charges = clientFailures(network)
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

/** The networks that a client is counted by, the narrowest first. */
function networksOf(network: string | undefined): string[] {
  return [network, network && wideNetworkOf(network)].filter((each) => each !== undefined)
}
