import type { AuditEventRow, AuditFilter, Database } from '../../../drizzle/index.ts'

/** Events per query. */
const PAGE = 1000
/** Milliseconds between two queries for new events. */
const INTERVAL = 1000
/** Milliseconds that an event may become visible after a later event, because its transaction took longer. */
const DELAY = 10_000

/**
 * Reads the matching events, oldest first, one page at a time.
 *
 * @param filter whose limit may be infinite, for all events
 * @param follow whether to continue with new events, without end
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
  // Events that happen while the list is printed follow after it.
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

/** The newest events seen, by the clocks of the processes that recorded them. */
class Tail {
  /** Event times in milliseconds, by id. */
  readonly #times = new Map<string, number>()
  #newest: number | undefined

  /** The earliest time of an event that may not have been seen yet. */
  get since(): Date | undefined {
    return this.#newest === undefined ? undefined : new Date(this.#newest - DELAY)
  }

  /** @returns the events that had not been seen */
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
