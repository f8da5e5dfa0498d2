import { Command } from 'commander'
import { makeClient } from '../../plugins/clients.ts'
import { print, withContext } from './context.ts'

/** `postern clients`: the machines that may introspect and revoke tokens. */
export function clientsCommand(): Command {
  const command = new Command('clients').description('the machines that may introspect and revoke tokens')

  command
    .command('add')
    .description('make a client; its secret is shown this once, and kept as a hash')
    .argument('<name>', 'what you call it')
    .option('--json', 'print JSON')
    .action((name: string, options: { json?: true }) =>
      withContext(async ({ database }) => {
        const { row, secret } = makeClient(name)
        if (!(await database.clients.insert(row))) throw new Error(`There is a client ${name} already.`)
        print([{ client_id: row.id, client_secret: secret, name }], options)
      }),
    )

  command
    .command('list')
    .description('list the clients')
    .option('--json', 'print JSON')
    .action((options: { json?: true }) =>
      withContext(async ({ database }) => {
        const rows = await database.clients.list()
        print(
          rows.map(({ id, name, createdAt }) => ({
            client_id: id,
            name,
            created_at: createdAt.toISOString(),
          })),
          options,
        )
      }),
    )

  command
    .command('remove')
    .description('remove a client; its next request is refused')
    .argument('<client_id>')
    .action((id: string) =>
      withContext(async ({ database }) => {
        if (!(await database.clients.delete(id))) throw new Error(`There is no client ${id}.`)
        console.log(`Removed ${id}.`)
      }),
    )

  return command
}
