import { Command } from 'commander'
import { createUserChanges, type UserChanges } from '../../../plugins/accounts/changes.ts'
import { withContext } from '../context.ts'
import { printable } from '../terminal/text.ts'
import { assertFound, findUser, printUser } from './user.ts'

/** Changes that need no further arguments. */
const changes = {
  disable: {
    method: 'disable',
    description: 'refuse a user’s tokens and logins',
    done: (email) => `Disabled ${email}. Their tokens and logins are refused from now on.`,
  },
  enable: {
    method: 'enable',
    description: 'let a disabled user log in again; earlier tokens stay refused',
    done: (email) => `Enabled ${email}. They can log in again.`,
  },
  'log-out': {
    method: 'logOutEverywhere',
    description: 'log a user out everywhere: their tokens are refused',
    done: (email) => `Logged ${email} out everywhere. Their tokens are refused from now on.`,
  },
  delete: {
    method: 'delete',
    description: 'delete a user permanently',
    done: (email) => `Deleted ${email}. Their tokens are refused from now on.`,
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
      .option('--json', 'print the user as a JSON object')
      .addHelpText('after', `\nExample:\n  $ postern users ${name} ada@example.com`)
      .action((who: string, options: { json?: true }) =>
        withContext(async ({ database, audit }) => {
          const { id } = await findUser(database, who)
          const row = assertFound(await createUserChanges(database.users, audit)[method](id), who)
          printUser(row, options, done(printable(row.email)))
        }),
      ),
  )
}
