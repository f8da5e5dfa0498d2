import { Command } from 'commander'
import { prune } from '../../plugins/database/pruning.ts'
import { withContext } from './context.ts'
import { print } from './terminal/table.ts'

/** Rows per step, which takes a few milliseconds. */
const STEP = 1000

/** `postern tokens`: the tokens that are stored. */
export function tokensCommand(): Command {
  const command = new Command('tokens').description('clean up stored tokens')

  command
    .command('prune')
    .description('delete expired rows now; the service also does so in the background')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It deletes revoked tokens that expired more than a day ago, audit events older than
AUDIT_RETENTION_DAYS, expired rate limits and known addresses, and keys that were
replaced and ended more than 30 days ago: by the clock of PostgreSQL, or with SQLite
counted back from the newest audit event, if that is earlier than now. It works in
small steps with pauses, so that a running service is not slowed down. It can be
interrupted and run again.

Examples:
  $ postern tokens prune
  $ AUDIT_RETENTION_DAYS=30 postern tokens prune --json`,
    )
    .action((options: { json?: true }) =>
      withContext(async ({ config, database }) => {
        const total = { tokens: 0, auditEvents: 0, rateLimits: 0, knownAddresses: 0, signingKeys: 0 }
        for (;;) {
          const begun = performance.now()
          const step = await prune(database, config, STEP)
          total.tokens += step.tokens
          total.auditEvents += step.auditEvents
          total.rateLimits += step.rateLimits
          total.knownAddresses += step.knownAddresses
          total.signingKeys += step.signingKeys
          if (!Object.values(step).includes(STEP)) break
          await rest(performance.now() - begun)
        }
        const deleted = {
          blacklisted_tokens: total.tokens,
          audit_events: total.auditEvents,
          rate_limits: total.rateLimits,
          known_addresses: total.knownAddresses,
          signing_keys: total.signingKeys,
        }
        print(
          Object.entries(deleted).map(([table, rows]) => ({ table, deleted: rows })),
          options,
        )
      }),
    )

  return command
}

/** Pauses as long as the step took, so that other writers get the locks. */
function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
