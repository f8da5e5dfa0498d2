/** How bad it is. */
export type Status = 'ok' | 'warn' | 'fail'

/** What a check has found. It never has a secret in it. */
export interface Finding {
  status: Status
  /** How it is. */
  detail: string
  /** What to do about it; null where there is nothing to do. */
  remedy: string | null
}

export function ok(detail: string): Finding {
  return { status: 'ok', detail, remedy: null }
}

/** It works, but not as it should. */
export function warn(detail: string, remedy: string): Finding {
  return { status: 'warn', detail, remedy }
}

/** It does not work, or what it does is not safe. */
export function fail(detail: string, remedy: string): Finding {
  return { status: 'fail', detail, remedy }
}
