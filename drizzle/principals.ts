import type { PrincipalRow } from './types.ts'

/** Where the answer about one token goes, and stays for as long as it is proven to be the database's present state. */
export interface PrincipalSlot {
  readonly userId: string
  readonly jti: string
  readonly kid: string
  /** What the database says; undefined where there is no such account. Only what `load` has just put here counts. */
  row: PrincipalRow | undefined
  /** By which the reader knows that `row` is the present state; null before the first time. */
  state: object | string | null
}

/** Reads what a check of a token needs. */
export interface PrincipalReader {
  /** Brings each slot's `row` up to the database's state at some moment after the call, all of them by one look. */
  load(slots: readonly PrincipalSlot[]): Promise<void> | undefined
}
