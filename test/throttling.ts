import type { FastifyInstance } from 'fastify'
import { type Answer, ada, post } from './helper.ts'

/** The settings of a server with throttling. Its tests choose a client's address with `X-Forwarded-For`. */
export const THROTTLED = { THROTTLE: 'true', TRUST_PROXY: '127.0.0.1' }

/** The header that makes a request come from an address. */
export function from(address: string): { 'x-forwarded-for': string } {
  return { 'x-forwarded-for': address }
}

/** The n-th address of a network that RFC 2544 reserves for tests. */
export function nthAddress(n: number): string {
  return `198.18.${n >> 8}.${n & 0xff}`
}

/** Tries to log in from an address, with the right password by default. */
export async function tryLogIn(
  app: FastifyInstance,
  address: string,
  { email = ada.email, password = ada.password } = {},
): Promise<Answer> {
  return await post(app, '/login', { email, password }, from(address))
}

/** Tries wrong passwords, one after the other. @returns the status of each response */
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

/** Counts the responses by status. */
export function tally(statuses: number[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
