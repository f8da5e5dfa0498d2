import { Command } from 'commander'
import { createUserChanges } from '../../../plugins/accounts/changes.ts'
import { withContext } from '../context.ts'
import { printable } from '../terminal/text.ts'
import { hashNewPassword } from './new-password.ts'
import { assertFound, findUser, printUser } from './user.ts'

/** `postern users set-password` */
export function setPasswordCommand(): Command {
  return new Command('set-password')
    .description(
      'set another password, asked for or read from standard input; its tokens are refused from then on',
    )
    .argument('<user>', 'e-mail or id')
    .option('--json', 'print the account as a JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  postern users set-password ada@example.com\n  postern users set-password ada@example.com < password.txt',
    )
    .action((who: string, options: { json?: true }) =>
      withContext(async ({ config, database, audit }) => {
        const { id } = await findUser(database, who)
        const hashed = await hashNewPassword(config)
        const changes = createUserChanges(database.users, audit)
        const row = assertFound(await changes.setPassword(id, hashed), who)
        const text = `Set the password of ${printable(row.email)}: its tokens are refused from now on.`
        printUser(row, options, text)
      }),
    )
}
