import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'

/** An account and its event, as far as they differ from others. */
export interface BulkRow {
  id: string
  email: string
  name: string
  hashedPassword: string
  createdAt: Date
  eventId: string
}

/** The same account each time, with other ids: e-mails in no order, as those of a real table. */
export function makeRow(index: number): BulkRow {
  const digest = createHash('sha512').update(String(index)).digest('hex')
  return {
    id: uuidv7(),
    email: `${digest.slice(0, 8)}.${index}@example.com`,
    name: `User Number ${index}`,
    hashedPassword: `$2b$12$${digest.slice(0, 21)}O${digest.slice(21, 51)}O`,
    createdAt: new Date(1_600_000_000_000 + index * 1000),
    eventId: uuidv7(),
  }
}
