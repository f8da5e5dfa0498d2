import type { UserRow } from '../../../../drizzle/index.ts'
import type { ImportRecord } from './records.ts'
import type { BadLine, ImportedUser, UserReader } from './user.ts'

/** How a batch checks its lines and reports them. */
export interface BatchContext {
  reader: UserReader
  /** What a record is called in messages. */
  unit: 'line' | 'user'
  /** Receives each bad line, in no particular order within a batch. */
  onBadLine(line: BadLine): void
}

/** Lines that are imported together. Each is checked when it is added, while the database writes the previous batch. */
export class Batch {
  lines = 0
  /** The users of the lines that are good. */
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
