import { Command } from 'commander'
import { createUserChanges, type UserChanges } from '../../../plugins/accounts/changes.ts'
import { withContext } from '../context.ts'
import { printable } from '../terminal/text.ts'
import { assertFound, findUser, printUser } from './user.ts'

/** What can be done to an account that needs nothing but its name. */
const changes = {
  disable: {
    method: 'disable',
    description: 'refuse an account’s tokens and logins',
    done: (email) => `Disabled ${email}: its tokens and its logins are refused from now on.`,
  },
  enable: {
    method: 'enable',
    description: 'let a disabled account log in again; its former tokens stay refused',
    done: (email) => `Enabled ${email}: it can log in.`,
  },
  'log-out': {
    method: 'logOutEverywhere',
    description: 'refuse the tokens that an account has; it can log in again',
    done: (email) => `Logged ${email} out everywhere: its tokens are refused from now on.`,
  },
  delete: {
    method: 'delete',
    description: 'delete an account, for good',
    done: (email) => `Deleted ${email}: its tokens are refused from now on.`,
  },
} as const satisfies Record<
  string,
  { method: keyof UserChanges; description: string; done: (email: string) => string }
>

/** `postern users disable | enable | log-out | delete` */
export function changeCommands(): Command[] {
  return Object.entries(changes).map(([name, { method, description, done }]) =>
    new Command(name)
      .description(description)
      .argument('<user>', 'e-mail or id')
      .option('--json', 'print the account as a JSON object')
      .addHelpText('after', `\nExample:\n  postern users ${name} ada@example.com`)
      .action((who: string, options: { json?: true }) =>
        withContext(async ({ database, audit }) => {
          const { id } = await findUser(database, who)
          const row = assertFound(await createUserChanges(database.users, audit)[method](id), who)
          printUser(row, options, done(printable(row.email)))
        }),
      ),
  )
}
