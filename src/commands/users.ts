import { Command } from 'commander'
import { addCommand } from './users/add.ts'
import { changeCommands } from './users/change.ts'
import { exportCommand } from './users/export.ts'
import { importCommand } from './users/import.ts'
import { listCommand } from './users/list.ts'
import { setPasswordCommand } from './users/set-password.ts'
import { showCommand } from './users/show.ts'

/** `postern users`: the accounts. */
export function usersCommand(): Command {
  const command = new Command('users')
    .description('the accounts')
    .addHelpText(
      'after',
      '\nAn account is named by its e-mail or its id. Whatever is changed counts on the next request, in every instance.',
    )
  const commands = [
    listCommand(),
    showCommand(),
    addCommand(),
    ...changeCommands(),
    setPasswordCommand(),
    importCommand(),
    exportCommand(),
  ]
  for (const each of commands) command.addCommand(each)
  return command
}
