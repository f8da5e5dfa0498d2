import { verify } from '@node-rs/bcrypt'
import { costOf, dummyHash } from './bcrypt.ts'
import { isHashable } from './policy.ts'

/**
 * Whether a password has a hash. If not, the work is 2^`cost` rounds of bcrypt, whatever the cost of the hash, and also
 * if there is none: the time must not tell who is a user, or how old their hash is.
 *
 * @param hashed undefined if there is no user. What is no bcrypt hash is the hash of no password
 * @param cost the highest that a user's hash may have
 */
export async function verifyPassword(
  password: string,
  hashed: string | undefined,
  cost: number,
): Promise<boolean> {
  const hashable = isHashable(password)
  const text = hashable ? password : ''
  const own = hashed === undefined ? undefined : costOf(hashed)
  if (hashed === undefined || own === undefined) {
    await verify(text, dummyHash(cost))
    return false
  }
  if ((await verify(text, hashed)) && hashable) return true
  // Each costs as much as all before it together.
  for (let next = own; next < cost; next += 1) await verify(text, dummyHash(next))
  return false
}
