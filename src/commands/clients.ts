import { Command } from 'commander'
import { NAME_MAX_LENGTH } from '../../plugins/accounts/registration.ts'
import { createClient } from '../../plugins/clients.ts'
import { withContext } from './context.ts'
import { print } from './terminal/table.ts'

/** `postern clients`: the clients that may introspect and revoke tokens. */
export function clientsCommand(): Command {
  const command = new Command('clients').description(
    'manage the clients that may introspect and revoke tokens',
  )

  command
    .command('add')
    .description('create a client; its secret is shown only once, and stored as a hash')
    .argument('<name>', 'the client’s name')
    .option('--json', 'print JSON')
    .action((name: string, options: { json?: true }) =>
      withContext(async ({ database, audit }) => {
        if (name.length > NAME_MAX_LENGTH) {
          throw new Error(`The name of a client must have at most ${NAME_MAX_LENGTH} characters.`)
        }
        const { row, secret } = createClient(name)
        const details = { reason: 'client', target: row.id }
        const added = await audit('sensitive_create', details, (event) => database.clients.insert(row, event))
        if (!added) throw new Error(`A client named ${name} already exists.`)
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
    .description('delete a client; its next request is refused')
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
