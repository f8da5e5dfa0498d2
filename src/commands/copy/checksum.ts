import { hash } from 'node:crypto'

/**
 * A count and a checksum of rows, which do not depend on their order or the database. The checksum is the sum of the
 * rows' SHA-256 digests: unlike an exclusive or, a sum also detects a duplicate row.
 */
export class RowChecksum {
  #rows = 0
  #sum = 0n

  add(row: Record<string, unknown>): void {
    const canonical = JSON.stringify(
      Object.keys(row)
        .sort()
        .map((column) => row[column]),
    )
    this.#rows += 1
    this.#sum = BigInt.asUintN(256, this.#sum + BigInt(`0x${hash('sha256', canonical)}`))
  }

  get rows(): number {
    return this.#rows
  }

  /** The checksum, in hex. */
  get sum(): string {
    return this.#sum.toString(16).padStart(64, '0')
  }

  equals(other: RowChecksum): boolean {
    return this.#rows === other.#rows && this.#sum === other.#sum
  }
}
