import type pg from 'pg'
import t from 'tap'
import { openDatabase, SERVER_DEFAULTS } from '../../drizzle/index.ts'
import { connectPostgres, wrapPostgres } from '../../drizzle/postgres/client.ts'
import { createDatabase, openPool } from '../postgres.ts'
import { until } from '../server-process.ts'
import { createEvent, createSigningKey, createUser, HOUR } from './rows.ts'

t.test('finds its tables in the schema public too, with any search path', async (t) => {
  const { url, pool, name } = await createDatabase(t)
  await pool.query('create schema elsewhere')
  await pool.query('create table elsewhere.users (name text)')
  await pool.query(`alter database ${name} set search_path = elsewhere`)

  const database = await openDatabase(url, { databaseSchema: 'public' })
  t.teardown(() => database.close())
  const user = createUser()
  await database.users.insert(user, createEvent())

  t.match(await database.users.findById(user.id), user)
  t.equal((await pool.query('select from public.users')).rows.length, 1)
  t.equal((await pool.query('select from elsewhere.users')).rows.length, 0)
})

t.test('reads dates correctly with any DateStyle of the database', async (t) => {
  const { url, pool, name } = await createDatabase(t)
  const createdAt = new Date('2026-03-04T05:06:07.089Z')
  for (const style of ['German', 'SQL, DMY', 'Postgres, MDY']) {
    await pool.query(`alter database ${name} set datestyle = '${style}'`)
    await pool.query(`alter database ${name} set timezone = 'Asia/Kolkata'`)
    const database = await openDatabase(url)
    const user = createUser({ createdAt })

    t.match(await database.users.insert(user, createEvent()), { createdAt }, style)
    t.match(await database.users.findById(user.id), { createdAt }, style)
    await database.close()

    // A host app's connections are left unchanged.
    const hosts = await openDatabase({ pool: openPool(t, url), schema: 'postern', migrate: false })
    await t.rejects(hosts.users.findById(user.id), { message: /DateStyle must be ISO/ }, style)
  }
})

t.test('sets durable commits and timeouts on each of its connections', async (t) => {
  const { url, pool, name } = await createDatabase(t)
  await pool.query(`alter database ${name} set synchronous_commit = off`)
  const settings = {
    ...SERVER_DEFAULTS,
    databasePoolSize: 2,
    databaseStatementTimeoutMs: 1234,
    databaseLockTimeoutMs: 567,
  }

  const connection = await connectPostgres(url, settings)
  t.teardown(() => connection.close())

  t.equal(connection.isDurable, true)
  const { $client: own } = connection.db as unknown as { $client: pg.Pool }
  const clients = [await own.connect(), await own.connect()]
  for (const client of clients) {
    const show = async (setting: string) =>
      Object.values((await client.query(`show ${setting}`)).rows[0] as object)[0]
    t.equal(await show('synchronous_commit'), 'on')
    t.equal(await show('statement_timeout'), '1234ms')
    t.equal(await show('lock_timeout'), '567ms')
    client.release()
  }

  const host = openPool(t, url)
  t.equal(
    (await wrapPostgres(host, 'postern')).isDurable,
    false,
    'a host app’s connections are left unchanged',
  )
  t.match((await host.query('show synchronous_commit')).rows, [{ synchronous_commit: 'off' }])
})

t.test('holds no key while it waits for the one before, so that none waits in a circle', async (t) => {
  const { url, pool } = await createDatabase(t)
  const database = await openDatabase(url, {
    databaseLockTimeoutMs: 60_000,
    databaseStatementTimeoutMs: 60_000,
  })
  t.teardown(() => database.close())
  const key = createSigningKey()
  const next = createSigningKey({ predecessor: key.kid, activatesAt: new Date(Date.now() + HOUR) })
  await database.signingKeys.insert(key, createEvent())
  await database.signingKeys.insertSuccessor(next, createEvent())
  const lock = (kid: string) => `select from postern.signing_keys where kid = '${kid}' for update nowait`
  const holder = await pool.connect()

  for (const act of [
    () => database.signingKeys.end(key.kid, new Date(), next.kid),
    () => database.signingKeys.retire(next.kid, createEvent()),
  ]) {
    await holder.query('begin')
    await holder.query(lock(key.kid))
    const acting = act()
    await until(async () => {
      const { rows } = await pool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
      return rows.length > 0
    })
    await t.resolves(pool.query(lock(next.kid)))
    await holder.query('rollback')
    await acting
  }
  holder.release()
  t.same(
    (await database.signingKeys.list()).map(({ kid }) => kid),
    [key.kid],
  )
})
