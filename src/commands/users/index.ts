import { Command } from 'commander'
import { addCommand } from './add.ts'
import { changeCommands } from './change.ts'
import { exportCommand } from './export.ts'
import { importCommand } from './import/index.ts'
import { listCommand } from './list.ts'
import { setPasswordCommand } from './set-password.ts'
import { showCommand } from './show.ts'

/** `postern users`: the users. */
export function usersCommand(): Command {
  const command = new Command('users')
    .description('manage users')
    .addHelpText(
      'after',
      '\nA <user> is an e-mail or an id. Changes take effect on the next request, in every instance.',
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
