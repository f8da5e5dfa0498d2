import { Command, Option } from 'commander'
import { foldCase } from '../../../plugins/accounts/email.ts'
import { withContext } from '../context.ts'
import { print } from '../terminal/table.ts'
import { parseWholeNumber } from '../terminal/whole-number.ts'
import { toRecord } from './user.ts'

/** The most users on a page. */
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
    .description('list users, sorted by e-mail, one page at a time')
    .option('--email <part>', 'only users whose e-mail contains this')
    .addOption(new Option('--disabled', 'only disabled users').conflicts('enabled'))
    .option('--enabled', 'only enabled users')
    .option(
      '--limit <number>',
      `users per page, at most ${MAX_LIMIT}`,
      (text) => parseWholeNumber(text, MAX_LIMIT),
      100,
    )
    .option('--after <email>', 'start after this e-mail, the last of the previous page')
    .option('--json', 'print a JSON array')
    .addHelpText(
      'after',
      `
Examples:
  $ postern users list --email @example.com
  $ postern users list --disabled --json
  $ postern users list --limit 1000 --after ada@example.com`,
    )
    .action((options: ListOptions) =>
      withContext(async ({ database }) => {
        const { email, disabled, enabled, limit, after } = options
        const rows = await database.users.list({
          email: email === undefined ? undefined : foldCase(email),
          isDisabled: disabled ?? (enabled ? false : undefined),
          after: after === undefined ? undefined : foldCase(after),
          limit: limit + 1,
        })
        const page = rows.slice(0, limit)
        print(page.map(toRecord), options)
        const last = page.at(-1)
        if (rows.length > limit && last) console.error(`There are more users: --after ${last.email}`)
      }),
    )
}
