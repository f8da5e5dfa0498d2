import type { FastifyInstance } from 'fastify'
import { type Answer, ada, post } from './helper.ts'

/** The settings of a server with throttling, whose tests say by `X-Forwarded-For` where a request comes from. */
export const THROTTLED = { THROTTLE: 'true', TRUST_PROXY: '127.0.0.1' }

/** The header of a request from an address. */
export function from(address: string): { 'x-forwarded-for': string } {
  return { 'x-forwarded-for': address }
}

/** The n-th of a great many addresses (RFC 2544 keeps this network for tests). */
export function nthAddress(n: number): string {
  return `198.18.${n >> 8}.${n & 0xff}`
}

/** Tries to log in from an address: with the right password, unless another is given. */
export async function tryLogIn(
  app: FastifyInstance,
  address: string,
  { email = ada.email, password = ada.password } = {},
): Promise<Answer> {
  return await post(app, '/login', { email, password }, from(address))
}

/** Tries a wrong password so many times, one after the other, and says what came of each. */
export async function guess(
  app: FastifyInstance,
  address: string,
  times: number,
  email?: string,
): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < times; i++) {
    const wrong = { password: `guess number ${i}`, ...(email !== undefined && { email }) }
    statuses.push((await tryLogIn(app, address, wrong)).statusCode)
  }
  return statuses
}

/** How many there are of each. */
export function tally(statuses: number[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
