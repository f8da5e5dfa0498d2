import type { AuditEventRow, AuditFilter, Database } from '../../../drizzle/index.ts'

/** Events that are read at once. */
const PAGE = 1000
/** Milliseconds between two looks for new events. */
const INTERVAL = 1000
/** Milliseconds that an event may be seen later than one that happened after it: its transaction may have taken longer. */
const DELAY = 10_000

/**
 * Reads the events that match, oldest first, a page at a time.
 *
 * @param filter its limit may be infinite: then all of them
 * @param follow whether to go on with what happens from now on, for ever
 */
export async function* readAuditTrail(
  { auditEvents }: Pick<Database, 'auditEvents'>,
  filter: AuditFilter,
  follow = false,
): AsyncGenerator<AuditEventRow[]> {
  async function* pages(since: Date | undefined): AsyncGenerator<AuditEventRow[]> {
    let page: AuditEventRow[] = []
    do {
      page = await auditEvents.page({ ...filter, since, limit: PAGE }, page.at(-1))
      if (page.length > 0) yield page
    } while (page.length === PAGE)
  }

  if (!follow) return yield* list()
  const tail = new Tail()
  // What happens while the list is written is not lost: it comes afterwards.
  tail.take(await auditEvents.list({ ...filter, limit: 1 }))
  for await (const events of pages(tail.since)) tail.take(events)
  for await (const events of list()) {
    tail.take(events)
    yield events
  }
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL))
    for await (const events of pages(tail.since)) {
      const fresh = tail.take(events)
      if (fresh.length > 0) yield fresh
    }
  }

  async function* list(): AsyncGenerator<AuditEventRow[]> {
    if (!Number.isFinite(filter.limit)) return yield* pages(filter.since)
    const events = await auditEvents.list(filter)
    if (events.length > 0) yield events
  }
}

/** Knows the newest events, by the clocks of those who have recorded them. */
class Tail {
  /** When they happened, by their ids. */
  readonly #times = new Map<string, number>()
  #newest: number | undefined

  /** From when on an event may have been recorded that is not known yet. */
  get since(): Date | undefined {
    return this.#newest === undefined ? undefined : new Date(this.#newest - DELAY)
  }

  /** @returns those that are new */
  take(events: AuditEventRow[]): AuditEventRow[] {
    const fresh = events.filter(({ id }) => !this.#times.has(id))
    for (const { id, createdAt } of fresh) {
      const time = createdAt.getTime()
      this.#times.set(id, time)
      this.#newest = Math.max(this.#newest ?? time, time)
    }
    for (const [id, time] of this.#times) if (time < (this.#newest ?? 0) - DELAY) this.#times.delete(id)
    return fresh
  }
}
