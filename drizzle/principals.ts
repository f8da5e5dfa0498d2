import type { PrincipalRow } from './types.ts'

/** Holds what the database says about one token, for as long as a reader can prove that nothing has changed. */
export interface PrincipalSlot {
  readonly userId: string
  readonly jti: string
  readonly kid: string
  /** What the database says; undefined if there is no such user. Valid only right after `load`. */
  row: PrincipalRow | undefined
  /** By this the reader knows whether `row` is up to date; null before the first `load`. */
  state: object | string | null
}

/** Reads what the check of a token needs. */
export interface PrincipalReader {
  /**
   * Sets each slot's `row` to the database's state at some moment after the call, by one query or without any.
   *
   * @returns undefined if the rows are set already
   */
  load(slots: readonly PrincipalSlot[]): Promise<void> | undefined
}
