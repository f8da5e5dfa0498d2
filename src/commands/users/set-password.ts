import { Command } from 'commander'
import { createUserChanges } from '../../../plugins/accounts/changes.ts'
import { withContext } from '../context.ts'
import { printable } from '../terminal/text.ts'
import { hashNewPassword } from './new-password.ts'
import { assertFound, findUser, printUser } from './user.ts'

/** `postern users set-password` */
export function setPasswordCommand(): Command {
  return new Command('set-password')
    .description('set a new password, asked for or read from standard input; the user’s tokens are refused')
    .argument('<user>', 'e-mail or id')
    .option('--json', 'print the user as a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ postern users set-password ada@example.com
  $ postern users set-password ada@example.com < password.txt`,
    )
    .action((who: string, options: { json?: true }) =>
      withContext(async ({ config, database, audit }) => {
        const user = await findUser(database, who)
        const hashed = await hashNewPassword(config, user)
        const changes = createUserChanges(database.users, audit)
        const row = assertFound(await changes.setPassword(user.id, hashed), who)
        const text = `Set the password of ${printable(row.email)}. Their tokens are refused from now on.`
        printUser(row, options, text)
      }),
    )
}
