/**
 * Counts the work of bcrypt, by replacing a function of the library. A test imports this before anything that hashes,
 * and nothing from the library itself.
 */
import { createRequire } from 'node:module'
import { packedPlugin } from './packed-host.ts'

const bcrypt = createRequire(packedPlugin ?? import.meta.url)('@node-rs/bcrypt') as {
  hash: (password: string, cost: number) => Promise<string>
  verify: (password: string, hash: string) => Promise<boolean>
}

export const { hash } = bcrypt

/** What the library computes with; it refuses any other text at once. */
const HASH = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/

const { verify } = bcrypt
let rounds = 0

bcrypt.verify = (password, hash) => {
  const cost = HASH.exec(hash)?.[1]
  if (cost !== undefined) rounds += 2 ** Number(cost)
  return verify(password, hash)
}

/** @returns the rounds of bcrypt that verified passwords during an action */
export async function countRounds(action: () => Promise<unknown>): Promise<number> {
  const before = rounds
  await action()
  return rounds - before
}
