import type { UserRow } from '../../../../drizzle/index.ts'
import type { ImportRecord } from './records.ts'
import type { BadLine, ImportedUser, UserReader } from './user.ts'

/** What lines are checked by, and who is told. */
export interface BatchContext {
  reader: UserReader
  /** What a record is called. */
  unit: 'line' | 'user'
  /** Told of each bad line, in no order within a batch. */
  onBadLine(line: BadLine): void
}

/** Lines that are imported together, each of which is checked as it comes: the database answers meanwhile. */
export class Batch {
  lines = 0
  /** Of the lines that are good by themselves. */
  readonly users = new Map<UserRow, ImportedUser>()
  readonly #lineOf = new Map<string, number>()
  readonly #context: BatchContext

  constructor(context: BatchContext) {
    this.#context = context
  }

  get bad(): number {
    return this.lines - this.users.size
  }

  add(record: ImportRecord): void {
    const { reader, unit, onBadLine } = this.#context
    this.lines += 1
    const entry = reader.read(record)
    if ('reasons' in entry) {
      onBadLine(entry)
      return
    }
    const { line, user } = entry
    const earlier = this.#lineOf.get(user.email) ?? this.#lineOf.get(user.id)
    if (earlier !== undefined) {
      onBadLine({ line, reasons: [`${unit} ${earlier} has the same e-mail or id`] })
      return
    }
    this.users.set(user, entry)
    this.#lineOf.set(user.email, line).set(user.id, line)
  }
}
