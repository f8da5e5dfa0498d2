/**
 * A bcrypt hash as a modular-crypt string, with its cost. The last characters of the salt and the digest encode fewer
 * bits than the others, so no hash ends in any other character.
 */
const BCRYPT_HASH =
  /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/

/** The greatest cost of a hash that is imported: that of BCRYPT_COST. */
export const MAX_COST = 15

/** The cost of a bcrypt hash, the binary logarithm of its rounds; undefined if the text is no bcrypt hash. */
export function costOf(hash: string): number | undefined {
  const cost = BCRYPT_HASH.exec(hash)?.[1]
  return cost === undefined ? undefined : Number(cost)
}

/** A hash of this cost that no password has. */
export function dummyHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`
}
