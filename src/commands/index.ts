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
  .description('E-mail and password authentication. Every command reads the same settings as the service.')
  .version(version)
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 some of what was to be imported is bad.',
  )

program
  .command('serve')
  .description('run the service')
  .action(async () => {
    await import('../server.ts')
  })

program
  .command('migrate')
  .description('make the database, or bring its tables up to date, without running the service')
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
