import pg from 'pg'
import t from 'tap'
import { until } from '../server-process.ts'
import {
  assertRecovered,
  assertUnavailable,
  countConnections,
  createPostgres,
  type Scene,
  setScene,
} from './scene.ts'

const postgres = await createPostgres(t, { max_connections: '20', superuser_reserved_connections: '5' })

/** Ends the services' connections, so that they open new ones. */
async function terminateConnections({ operator }: Scene): Promise<void> {
  await operator.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'postern'`,
  )
}

/** Connects as often as the server allows. */
async function connectUntilRefused(url: string): Promise<pg.Client[]> {
  const clients: pg.Client[] = []
  for (;;) {
    const client = new pg.Client(url)
    try {
      await client.connect()
      clients.push(client)
    } catch {
      return clients
    }
  }
}

t.test('a server that has become read-only is a 503 until it is writable', async (t) => {
  const scene = await setScene(t, postgres)
  await scene.operator.query('alter system set default_transaction_read_only = on')
  await scene.operator.query('select pg_reload_conf()')
  await until(async () => (await fetch(`${scene.server.address}/readyz`)).status === 503)

  await assertUnavailable(t, scene)
  await terminateConnections(scene)
  await assertUnavailable(t, scene)

  await scene.operator.query('set default_transaction_read_only = off')
  await scene.operator.query('alter system reset default_transaction_read_only')
  await scene.operator.query('select pg_reload_conf()')
  await assertRecovered(t, scene)
})

t.test('a server that accepts no more connections is a 503 until it does', async (t) => {
  const operator = new pg.Client(postgres.url)
  await operator.connect()
  await operator.query(
    `create role service login password 'service'; grant create on database postgres to service`,
  )
  await operator.end()
  const url = postgres.url.replace(/\/\/.*@/, '//service:service@')
  const scene = await setScene(t, postgres, { url })

  const others: pg.Client[] = []
  // Until other clients have all connections that are not reserved for superusers.
  do {
    await terminateConnections(scene)
    others.push(...(await connectUntilRefused(url)))
  } while ((await countConnections(scene.operator)) > 0)
  await assertUnavailable(t, scene)

  await Promise.all(others.map((client) => client.end()))
  await assertRecovered(t, scene)
})

t.test('a lock on the tables is a 503 for the requests that need them until it is released', async (t) => {
  const scene = await setScene(t, postgres)
  await scene.operator.query('begin')
  await scene.operator.query('lock table users, blacklisted_tokens, signing_keys in access exclusive mode')
  await assertUnavailable(t, scene, ['GET /readyz'])
  await scene.operator.query('rollback')
  await assertRecovered(t, scene)
})

t.test('a full disk is a 503 for requests that write, while checks are answered', async (t) => {
  const scene = await setScene(t, postgres)
  // The server's own error, which cannot be produced otherwise without filling a disk.
  await scene.operator.query(`
    create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
    create trigger full_disk before insert on users execute function refuse();
    create trigger full_disk before insert on blacklisted_tokens execute function refuse();
    create trigger full_disk before insert on audit_events execute function refuse()`)
  await assertUnavailable(t, scene, ['GET /getUser', 'GET /verify', 'GET /readyz'])
  await scene.operator.query('drop function refuse() cascade')
  await assertRecovered(t, scene)
})

t.test('a role without its privileges is a 503 until it has them again', async (t) => {
  const url = postgres.url.replace(/\/\/.*@/, '//service:service@')
  const scene = await setScene(t, postgres, { url })
  const { rows } = await scene.operator.query<{ schema: string }>('select current_schema() as schema')
  await scene.operator.query(
    `alter schema ${rows[0]?.schema} owner to postgres; revoke all on schema ${rows[0]?.schema} from service`,
  )
  await assertUnavailable(t, scene, ['GET /readyz'])
  await scene.operator.query(`alter schema ${rows[0]?.schema} owner to service`)
  await assertRecovered(t, scene)
})
