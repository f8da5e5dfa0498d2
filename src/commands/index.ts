import { Command } from 'commander'
import version from '../version.ts'
import { clientsCommand } from './clients.ts'
import { withContext } from './context.ts'
import { keysCommand } from './keys.ts'

const program = new Command('postern')
  .description('E-mail and password authentication. Every command reads the same settings as the service.')
  .version(version)

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

program.addCommand(keysCommand())
program.addCommand(clientsCommand())

try {
  await program.parseAsync()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
