import { Command } from 'commander'
import { v7 as uuidv7 } from 'uuid'
import { normalizeEmail } from '../../../plugins/accounts/email.ts'
import { findByEmail } from '../../../plugins/accounts/find-by-email.ts'
import { findUserFaults } from '../../../plugins/accounts/registration.ts'
import { withContext } from '../context.ts'
import { printable } from '../terminal/text.ts'
import { hashNewPassword } from './new-password.ts'
import { printUser } from './user.ts'

interface AddOptions {
  name?: string
  json?: true
}

/** `postern users add` */
export function addCommand(): Command {
  return new Command('add')
    .description('create a user; the password is asked for, or read from standard input')
    .argument('<email>')
    .option('--name <name>', 'the user’s name')
    .option('--json', 'print the user as a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ postern users add ada@example.com --name 'Ada Lovelace'
  $ postern users add ada@example.com < password.txt`,
    )
    .action((given: string, { name, ...options }: AddOptions) =>
      withContext(async ({ config, database, audit }) => {
        const [fault] = findUserFaults({ email: given, name })
        if (fault) throw new Error(`${fault.path.slice(1)} ${fault.message}.`)
        const email = normalizeEmail(given)
        const taken = new Error(`A user with the e-mail ${email} already exists.`)
        if (await findByEmail(database.users, given)) throw taken
        const hashedPassword = await hashNewPassword(config, { email, name })
        const id = uuidv7()
        const row = await audit('user_created', { userId: id }, (event) =>
          database.users.insert(
            { id, email, name: name ?? null, hashedPassword, createdAt: new Date() },
            event,
          ),
        )
        if (!row) throw taken
        printUser(row, options, `Added ${printable(row.email)} with id ${row.id}.`)
      }),
    )
}
