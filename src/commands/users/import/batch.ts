import type { UserRow } from '../../../../drizzle/index.ts'
import type { AccountReader, BadLine, ImportedAccount } from './account.ts'
import type { ImportRecord } from './records.ts'

/** What lines are checked by, and who is told. */
export interface BatchContext {
  reader: AccountReader
  /** What a record is called. */
  unit: 'line' | 'user'
  /** Told of each bad line, in no order within a batch. */
  onBadLine(line: BadLine): void
}

/** Lines that are imported together, each of which is checked as it comes: the database answers meanwhile. */
export class Batch {
  lines = 0
  /** Of the lines that are good by themselves. */
  readonly accounts = new Map<UserRow, ImportedAccount>()
  readonly #lineOf = new Map<string, number>()
  readonly #context: BatchContext

  constructor(context: BatchContext) {
    this.#context = context
  }

  get bad(): number {
    return this.lines - this.accounts.size
  }

  add(record: ImportRecord): void {
    const { reader, unit, onBadLine } = this.#context
    this.lines += 1
    const account = reader.read(record)
    if ('reasons' in account) {
      onBadLine(account)
      return
    }
    const { line, user } = account
    const earlier = this.#lineOf.get(user.email) ?? this.#lineOf.get(user.id)
    if (earlier !== undefined) {
      onBadLine({ line, reasons: [`${unit} ${earlier} has the same e-mail or id`] })
      return
    }
    this.accounts.set(user, account)
    this.#lineOf.set(user.email, line).set(user.id, line)
  }
}
