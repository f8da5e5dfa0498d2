/** Milliseconds between two reports to a person, and to a file or another program. */
const INTERVAL = 200
const INTERVAL_UNSEEN = 10_000

/** Tells how far something long has come. */
export interface Progress {
  /** To be told of each part that is done. */
  add(rows: number): void
  /** Says what has been done in all, and how fast. */
  end(): void
}

/**
 * Reports progress on standard error: on a terminal in place, elsewhere by a line now and then.
 *
 * @param what stands before the number of rows
 * @param total how many rows there will be, where that is known
 */
export function startProgress(what: string, total?: number): Progress {
  const { stderr } = process
  const interval = stderr.isTTY ? INTERVAL : INTERVAL_UNSEEN
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
