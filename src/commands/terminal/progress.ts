/** Milliseconds between two reports on a terminal, and elsewhere. */
const TERMINAL_INTERVAL = 200
const INTERVAL = 10_000

/** The progress of a long task. */
export interface Progress {
  /** Adds rows that are done. */
  add(rows: number): void
  /** Reports the total and the rate. */
  end(): void
}

/**
 * Reports progress on standard error: in place on a terminal, elsewhere on a new line every ten seconds.
 *
 * @param what the text before the number of rows
 * @param total how many rows there will be, if known
 */
export function startProgress(what: string, total?: number): Progress {
  const { stderr } = process
  const interval = stderr.isTTY ? TERMINAL_INTERVAL : INTERVAL
  const begun = performance.now()
  let done = 0
  let reported = begun

  function report(end: '\r' | '\n'): void {
    const seconds = Math.max((performance.now() - begun) / 1000, 0.001)
    const share = total && end === '\r' ? ` of ${format(total)} (${Math.floor((100 * done) / total)} %)` : ''
    const rate = `${seconds.toFixed(1)} s, ${format(done / seconds)} rows/s`
    const line = `${what}: ${format(done)}${share} rows in ${rate}`
    stderr.write(stderr.isTTY ? `\r${line}\x1b[K${end === '\n' ? end : ''}` : `${line}\n`)
  }

  return {
    add(rows) {
      done += rows
      const now = performance.now()
      if (now - reported < interval) return
      reported = now
      report('\r')
    },
    end() {
      if (done > 0) report('\n')
    },
  }
}

function format(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}
