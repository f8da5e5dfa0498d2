import { Command, Option } from 'commander'
import { normalizeEmail } from '../../../plugins/accounts/email.ts'
import { withContext } from '../context.ts'
import { print } from '../terminal/table.ts'
import { parseWholeNumber } from '../terminal/whole-number.ts'
import { toRecord } from './user.ts'

/** Accounts of one page at most. */
const MAX_LIMIT = 1000

interface ListOptions {
  email?: string
  disabled?: true
  enabled?: true
  limit: number
  after?: string
  json?: true
}

/** `postern users list` */
export function listCommand(): Command {
  return new Command('list')
    .description('list accounts by e-mail, a page at a time')
    .option('--email <part>', 'only those whose e-mail contains this')
    .addOption(new Option('--disabled', 'only those that are disabled').conflicts('enabled'))
    .option('--enabled', 'only those that are not disabled')
    .option(
      '--limit <number>',
      `accounts of a page, at most ${MAX_LIMIT}`,
      (text) => parseWholeNumber(text, MAX_LIMIT),
      100,
    )
    .option('--after <email>', 'go on after this e-mail, the last one of the page before')
    .option('--json', 'print a JSON array')
    .addHelpText(
      'after',
      '\nExamples:\n  postern users list --email @example.com\n  postern users list --disabled --json\n  postern users list --limit 1000 --after ada@example.com',
    )
    .action((options: ListOptions) =>
      withContext(async ({ database }) => {
        const { email, disabled, enabled, limit, after } = options
        const rows = await database.users.list({
          email: email?.toLowerCase().normalize('NFC'),
          isDisabled: disabled ?? (enabled ? false : undefined),
          after: after === undefined ? undefined : normalizeEmail(after),
          limit: limit + 1,
        })
        const page = rows.slice(0, limit)
        print(page.map(toRecord), options)
        const last = page.at(-1)
        if (rows.length > limit && last) console.error(`There are more: --after ${last.email}`)
      }),
    )
}
