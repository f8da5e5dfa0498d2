import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'

/** A user and their event: the columns that differ between rows. */
export interface BulkRow {
  id: string
  email: string
  name: string
  hashedPassword: string
  createdAt: Date
  eventId: string
}

/** The same user each time, with other ids. E-mails are in no order, as in a real table. */
export function createRow(index: number): BulkRow {
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
