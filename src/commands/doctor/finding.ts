/** The severity of a finding. */
export type Status = 'ok' | 'warn' | 'fail'

/** What a check has found. It never contains a secret. */
export interface Finding {
  status: Status
  /** What was found. */
  detail: string
  /** How to fix it; null if there is nothing to fix. */
  remedy: string | null
}

export function ok(detail: string): Finding {
  return { status: 'ok', detail, remedy: null }
}

/** It works, but should be improved. */
export function warn(detail: string, remedy: string): Finding {
  return { status: 'warn', detail, remedy }
}

/** It does not work, or is not safe. */
export function fail(detail: string, remedy: string): Finding {
  return { status: 'fail', detail, remedy }
}
