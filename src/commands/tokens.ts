import { Command } from 'commander'
import { prune } from '../../plugins/database/pruning.ts'
import { withContext } from './context.ts'
import { print } from './terminal/table.ts'

/** Rows that one step deletes: some milliseconds of work. */
const STEP = 1000

/** `postern tokens`: what is kept of tokens. */
export function tokensCommand(): Command {
  const command = new Command('tokens').description('what is kept of tokens')

  command
    .command('prune')
    .description('delete what has expired now, which the service does by itself too')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It deletes the rows of tokens that expired more than an hour ago, audit events older than AUDIT_RETENTION_DAYS, and what rate limiting no
longer needs: in small steps with pauses, so that a running service notices nothing. It may be interrupted, and run again.

Examples:
  $ postern tokens prune
  $ AUDIT_RETENTION_DAYS=30 postern tokens prune --json`,
    )
    .action((options: { json?: true }) =>
      withContext(async ({ config, database }) => {
        const total = { tokens: 0, auditEvents: 0, rateLimits: 0 }
        for (;;) {
          const begun = performance.now()
          const step = await prune(database, config, STEP)
          total.tokens += step.tokens
          total.auditEvents += step.auditEvents
          total.rateLimits += step.rateLimits
          if (!Object.values(step).includes(STEP)) break
          await rest(performance.now() - begun)
        }
        const deleted = {
          blacklisted_tokens: total.tokens,
          audit_events: total.auditEvents,
          rate_limits: total.rateLimits,
        }
        print(
          Object.entries(deleted).map(([table, rows]) => ({ table, deleted: rows })),
          options,
        )
      }),
    )

  return command
}

/** As long as the step took: whoever waits for the same locks has his turn. */
function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
