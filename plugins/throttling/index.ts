import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { UserRow } from '../../drizzle/index.ts'
import type { ActionContext } from '../hooks/events.ts'
import type { Actor, Charge } from './limits.ts'

/** Whose password somebody tries. */
export interface GuessedAccount {
  /** Normalised. */
  email: string
  /** Undefined where nobody has that e-mail, which makes no difference here. */
  row: Pick<UserRow, 'id' | 'tokenVersion'> | undefined
}

/**
 * Holds back whoever does too often what costs or reveals something. Each method throws the problem `too_many_requests` before its
 * action is begun. Attempts count while they are under way, so that it is of no use to make many at once; what turns out to be no
 * failure is taken back.
 */
export interface Throttling {
  /** @param verify whether the password is right */
  guess(account: GuessedAccount, context: ActionContext, verify: () => Promise<boolean>): Promise<boolean>
  /** @param register makes the account */
  registration<T>(context: ActionContext, register: () => Promise<T>): Promise<T>
  /** @param verify whether the client's secret is right */
  client(request: FastifyRequest, verify: () => Promise<boolean>): Promise<boolean>
}

declare module 'fastify' {
  interface FastifyInstance {
    throttling: Throttling
  }
}

/** The settings of the same names. */
export interface ThrottlingOptions {
  throttle: boolean
  loginFailuresPerAccount: number
  loginFailuresPerAddress: number
  registrationsPerAddress: number
  clientFailuresPerAddress: number
}

/** How much of an account's failures one address may use up, so that it takes several to use up all of them. */
const SHARE_OF_ONE_ADDRESS = 0.2

/** Seconds. */
const HOUR = 3600
const DAY = 24 * HOUR
/** How long an address is known to an account, in seconds from its last login. */
const KNOWN_FOR = 30 * DAY

async function throttling(app: FastifyInstance, options: ThrottlingOptions): Promise<void> {
  if (!options.throttle) {
    app.decorate('throttling', {
      guess: (_account, _context, verify) => verify(),
      registration: (_context, register) => register(),
      client: (_request, verify) => verify(),
    })
    return
  }

  const { clientAddress, database, rateLimits } = app
  const { make, check, spend, giveBack, settle } = rateLimits
  const { loginFailuresPerAccount: perAccount } = options
  const ofOneAddress = Math.max(1, Math.floor(perAccount * SHARE_OF_ONE_ADDRESS))
  const pairFailures = make('login_failures_per_account_and_address', ofOneAddress, DAY)
  const accountFailures = make('login_failures_per_account', perAccount, DAY)
  const addressFailures = make('login_failures_per_address', options.loginFailuresPerAddress, DAY)
  const registrations = make('registrations_per_address', options.registrationsPerAddress, HOUR)
  const clientFailures = make('client_failures_per_address', options.clientFailuresPerAddress, HOUR)
  const knownAddresses = database.createRateLimiter({
    keyPrefix: 'known_addresses',
    points: 1,
    duration: KNOWN_FOR,
  })

  async function guess(
    { email, row }: GuessedAccount,
    context: ActionContext,
    verify: () => Promise<boolean>,
  ): Promise<boolean> {
    const network = clientAddress.of(context)
    // With another password, or after a log-out everywhere, all of it begins anew.
    const account = [email, `${row?.tokenVersion ?? 0}`]
    const pair = network === undefined ? undefined : pairFailures(network, ...account)
    const isKnown = pair !== undefined && (await knownAddresses.has(pair.key))
    const charges: Charge[] = []
    if (network !== undefined && !isKnown) charges.push(addressFailures(network))
    if (pair) charges.push(pair)
    if (!isKnown) charges.push(accountFailures(...account))
    await spend(charges, { endpoint: '/login', network, email, userId: row?.id ?? null, ...context })

    const isRight = await verify().catch(async (error: unknown) => {
      // Then no password was looked at.
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
      // Everything else has cost and revealed nothing.
      if (error.code !== 'email_taken') await giveBack(charges)
      throw error
    })
  }

  async function client(request: FastifyRequest, verify: () => Promise<boolean>): Promise<boolean> {
    const network = clientAddress.of({ request }, true)
    const charges = network === undefined ? [] : [clientFailures(network)]
    const actor: Actor = { endpoint: request.routeOptions.url ?? '', network, request }
    // Clients ask too often for an attempt to count while it is under way, and no number of attempts guesses their secrets.
    await check(charges, actor)
    const isRight = await verify()
    if (!isRight) await spend(charges, actor)
    return isRight
  }

  app.decorate('throttling', { guess, registration, client })
}

export default fp(throttling, {
  name: 'postern-throttling',
  dependencies: ['postern-client-address', 'postern-database', 'postern-rate-limits'],
})
