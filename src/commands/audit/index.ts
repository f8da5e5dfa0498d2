import { Command, InvalidArgumentError, Option } from 'commander'
import type { AuditEventRow, AuditFilter, Database } from '../../../drizzle/index.ts'
import { AUDIT_EVENTS } from '../../../plugins/audit/event.ts'
import { withContext } from '../context.ts'
import { openOutput } from '../terminal/output.ts'
import { printable, toJson } from '../terminal/text.ts'
import { parseWholeNumber } from '../terminal/whole-number.ts'
import { findUser } from '../users/user.ts'
import { readAuditTrail } from './trail.ts'

/** How many events are listed without `--limit` and `--since`. */
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 999_999_999

interface AuditOptions {
  user?: string
  event?: string
  since?: Date
  limit?: number
  follow?: true
  json?: true
}

/** `postern audit`: the audit trail. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('list the audit trail, oldest events first')
    .option('--user <user>', 'only events of this user (e-mail or id)')
    .addOption(new Option('--event <name>', 'only events with this name').choices(AUDIT_EVENTS))
    .option(
      '--since <when>',
      'only events since then, such as 90m, 24h, 7d or 2026-11-22T09:30:00Z',
      parseSince,
    )
    .option(
      '--limit <number>',
      `at most this many events, the latest (default: ${DEFAULT_LIMIT}, or all with --since)`,
      (text) => parseWholeNumber(text, MAX_LIMIT),
    )
    .option('--follow', 'keep printing new events until interrupted')
    .option('--json', 'print NDJSON, one object per line')
    .addHelpText(
      'after',
      `
Examples:
  $ postern audit --user ada@example.com
  $ postern audit --event authn_login_fail --since 1h
  $ postern audit --since 2026-11-01T00:00:00Z --json > november.ndjson
  $ postern audit --follow`,
    )
    .action((options: AuditOptions) =>
      withContext(async ({ database }) => {
        const output = await openOutput(undefined)
        const filter = await filterOf(database, options)
        for await (const events of readAuditTrail(database, filter, options.follow)) {
          await output.write(`${events.map(options.json ? toLine : describe).join('\n')}\n`)
        }
      }),
    )
}

async function filterOf(database: Database, options: AuditOptions): Promise<AuditFilter> {
  const { user, event, since, limit } = options
  return {
    // An id is not looked up: a deleted user's events have it too.
    userId: user?.includes('@') ? (await findUser(database, user)).id : user,
    event,
    since,
    limit: limit ?? (since ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT),
  }
}

function toRecord(event: AuditEventRow): Record<string, string | null> {
  return {
    created_at: event.createdAt.toISOString(),
    event: event.event,
    reason: event.reason,
    user_id: event.userId,
    target: event.target,
    actor: event.actor,
    address: event.address,
    user_agent: event.userAgent,
    request_id: event.requestId,
    id: event.id,
  }
}

function toLine(event: AuditEventRow): string {
  return toJson(toRecord(event))
}

/** One line: the time, the name, and the known details. */
function describe(event: AuditEventRow): string {
  const { created_at, event: name, id: _id, ...details } = toRecord(event)
  const known = Object.entries(details).filter(([, value]) => value !== null)
  const texts = known.map(([detail, value]) => `${detail}=${quoted(printable(value ?? ''))}`)
  return [created_at, name, ...texts].join(' ')
}

function quoted(text: string): string {
  return /^[\w.:@/+-]+$/.test(text) ? text : JSON.stringify(text)
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function parseSince(text: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const since =
    count === undefined ? new Date(text) : new Date(Date.now() - Number(count) * (UNITS[unit] ?? 0))
  const isInstant = count !== undefined || /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/i.test(text)
  if (isInstant && !Number.isNaN(since.getTime())) return since
  throw new InvalidArgumentError(
    'It must be a duration or a time, such as 90m, 24h, 7d, 2026-11-22 or 2026-11-22T09:30:00Z.',
  )
}
