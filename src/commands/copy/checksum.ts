import { hash } from 'node:crypto'

/**
 * Counts rows and sums them up, in whatever order and from whichever database they come. It is the sum of their SHA-256 digests: unlike
 * an exclusive or, it also tells a row that is there twice.
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

  /** In hex. */
  get sum(): string {
    return this.#sum.toString(16).padStart(64, '0')
  }

  equals(other: RowChecksum): boolean {
    return this.#rows === other.#rows && this.#sum === other.#sum
  }
}
