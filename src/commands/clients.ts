import { Command } from 'commander'
import { NAME_MAX_LENGTH } from '../../plugins/accounts/registration.ts'
import { createClient } from '../../plugins/clients.ts'
import { withContext } from './context.ts'
import { print } from './terminal/table.ts'

/** `postern clients`: the machines that may introspect and revoke tokens. */
export function clientsCommand(): Command {
  const command = new Command('clients').description('the machines that may introspect and revoke tokens')

  command
    .command('add')
    .description('make a client; its secret is shown this once, and kept as a hash')
    .argument('<name>', 'what you call it')
    .option('--json', 'print JSON')
    .action((name: string, options: { json?: true }) =>
      withContext(async ({ database, audit }) => {
        if (name.length > NAME_MAX_LENGTH) {
          throw new Error(`A client’s name must have at most ${NAME_MAX_LENGTH} characters.`)
        }
        const { row, secret } = createClient(name)
        const details = { reason: 'client', target: row.id }
        const added = await audit('sensitive_create', details, (event) => database.clients.insert(row, event))
        if (!added) throw new Error(`There is a client ${name} already.`)
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
      withContext(async ({ database, audit }) => {
        const removed = await audit('sensitive_delete', { reason: 'client', target: id }, (event) =>
          database.clients.delete(id, event),
        )
        if (!removed) throw new Error(`There is no client ${id}.`)
        console.log(`Removed ${id}.`)
      }),
    )

  return command
}
