import { randomFillSync } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'

const UUID_BYTES = 16
const pool = Buffer.alloc(1024 * UUID_BYTES)
let used = pool.length

/** Creates a UUIDv7. Gets its random bytes for a thousand ids at once, which is faster for a million users. */
export function createId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.subarray(used, used + UUID_BYTES)
  used += UUID_BYTES
  return uuidv7({ random })
}
