import { Command } from 'commander'
import { RETIRED_AT_ONCE, type SigningKeyRow } from '../../../drizzle/index.ts'
import { createKeyLifecycle, isLive, stateOf } from '../../../plugins/signing-keys/lifecycle.ts'
import { createSealer } from '../../../plugins/signing-keys/sealing.ts'
import { openKey } from '../../../plugins/signing-keys/stored-key.ts'
import { type Context, withContext } from '../context.ts'
import { print } from '../terminal/table.ts'
import { assertSecretKey, reseal } from './reseal.ts'

/** `postern keys`: the keys that sign tokens. */
export function keysCommand(): Command {
  const command = new Command('keys').description('manage the keys that sign tokens')

  command
    .command('list')
    .description('list the keys and their states')
    .option('--json', 'print JSON')
    .action((options: { json?: true }) =>
      withContext(async ({ database }) => {
        const rows = await database.signingKeys.list()
        print(
          rows.map((row) => describe(row, rows, options)),
          options,
        )
      }),
    )

  command
    .command('rotate')
    .description('create the next key: published now, signing once verifiers have had time to fetch it')
    .option('--json', 'print JSON')
    .action((options: { json?: true }) =>
      withContext(async (context) => {
        await assertSecretKey(context)
        const { key, created } = await lifecycleOf(context).rotate()
        if (!created) console.error('The next key was already waiting, so none was created.')
        print([describe(key, await context.database.signingKeys.list(), options)], options)
      }),
    )

  command
    .command('retire')
    .description('refuse all tokens of a key from now on, for example because it has leaked')
    .argument('<kid>')
    .action((kid: string) =>
      withContext(async ({ database, audit }) => {
        await find(database.signingKeys, kid)
        const retired = await audit('sensitive_delete', { reason: 'signing_key', target: kid }, (event) =>
          database.signingKeys.retire(kid, event),
        )
        if (!retired) throw isRetired(kid)
        console.log(
          retired === 'deleted'
            ? `Deleted ${kid}, which had not signed yet. The key before it goes on.`
            : `Retired ${kid}: its tokens are refused from now on.`,
        )
      }),
    )

  command
    .command('export')
    .description('print a public key, for verifiers that cannot fetch the JWKS')
    .argument('<kid>')
    .requiredOption('--pem', 'as SPKI in PEM format')
    .action((kid: string) =>
      withContext(async ({ database, secretKey }) => {
        const row = await find(database.signingKeys, kid)
        if (!isLive(row, new Date())) throw isRetired(kid)
        const { publicKey, algorithm } = openKey(createSealer(secretKey), row)
        if (publicKey === null) throw new Error(`${kid} is an ${algorithm} key, which has no public key.`)
        process.stdout.write(publicKey)
      }),
    )

  command
    .command('reseal')
    .description('seal the private keys with a new SECRET_KEY')
    .addHelpText(
      'after',
      `
Stop the service first. If the secret is stored in a file beside the database, it is
replaced there by NEW_SECRET_KEY, or by a random one. If SECRET_KEY is set, set
NEW_SECRET_KEY too, and then start the service with it as SECRET_KEY.`,
    )
    .action(() => withContext(reseal))

  return command
}

function lifecycleOf({ config, database, secretKey, audit }: Context) {
  return createKeyLifecycle({ ...config, repository: database.signingKeys, audit, secretKey })
}

async function find(keys: Context['database']['signingKeys'], kid: string): Promise<SigningKeyRow> {
  const key = (await keys.list()).find((row) => row.kid === kid)
  if (!key) throw new Error(`There is no key ${kid}.`)
  return key
}

function isRetired(kid: string): Error {
  return new Error(`The key ${kid} is retired.`)
}

function describe(
  row: SigningKeyRow,
  rows: SigningKeyRow[],
  { json }: { json?: true },
): Record<string, string | null> {
  const { kid, algorithm, createdAt, activatesAt, retiresAt } = row
  return {
    kid,
    algorithm,
    state: stateOf(row, rows, new Date()),
    created_at: createdAt.toISOString(),
    activates_at: activatesAt.toISOString(),
    retires_at: !json && isAtOnce(retiresAt) ? 'at once' : (retiresAt?.toISOString() ?? null),
  }
}

function isAtOnce(retiresAt: Date | null): boolean {
  return retiresAt?.getTime() === RETIRED_AT_ONCE.getTime()
}
