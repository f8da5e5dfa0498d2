import { Command } from 'commander'
import version from '../runtime/version.ts'
import { auditCommand } from './audit/index.ts'
import { backupCommand } from './backup.ts'
import { clientsCommand } from './clients.ts'
import { withContext } from './context.ts'
import { copyCommand } from './copy/index.ts'
import { doctorCommand } from './doctor/index.ts'
import { keysCommand } from './keys/index.ts'
import { run } from './run.ts'
import { tokensCommand } from './tokens.ts'
import { usersCommand } from './users/index.ts'

const program = new Command('postern')
  .description('E-mail and password authentication. All commands read the same settings as the service.')
  .version(version)
  .addHelpText('after', '\nExit codes: 0 success, 1 failure, 2 wrong usage, 3 an import had bad lines.')

program
  .command('serve')
  .description('run the service')
  .action(async () => {
    await import('../server.ts')
  })

program
  .command('migrate')
  .description('create or upgrade the database, without running the service')
  .action(() => withContext(async () => console.log('The database is up to date.'), { create: true }))

program.addCommand(usersCommand())
program.addCommand(keysCommand())
program.addCommand(clientsCommand())
program.addCommand(tokensCommand())
program.addCommand(auditCommand())
program.addCommand(doctorCommand())
program.addCommand(backupCommand())
program.addCommand(copyCommand())

await run(program)
