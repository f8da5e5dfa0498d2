import pg from 'pg'
import type { Test } from 'tap'
import { asSuperuser, disconnect, postgresUrl } from './postgres.ts'
import type { Beside, Row } from './shared-database.ts'

/** The OID of `bigint`, which the driver returns as text. No value in these tests is too large for a number. */
const BIGINT = 20

const types = new pg.TypeOverrides()
types.setTypeParser(BIGINT, Number)

/** Opens, as a superuser, the schema that an app uses. */
export function openPostgresBeside(t: Test, schema: string): Beside {
  let opened: Promise<pg.Client> | undefined
  t.teardown(async () => (await opened)?.end())
  const all = async (sql: string, ...values: unknown[]) => {
    opened ??= connect(schema)
    let count = 0
    const text = sql.replaceAll('?', () => `$${++count}`)
    return (await (await opened).query<Row>(text, values)).rows
  }
  return {
    all,
    run: async (sql, ...values) => void (await all(sql, ...values)),
    value: async (sql, ...values) => Object.values((await all(sql, ...values))[0] ?? {})[0],
    async lock(table) {
      await all('begin')
      await all(`lock table ${table} in exclusive mode`)
      return async () => void (await all('rollback'))
    },
    async breakDown() {
      await asSuperuser(`alter role ${schema} nologin`)
      await disconnect(schema)
      return async () => void (await asSuperuser(`alter role ${schema} login`))
    },
  }
}

async function connect(schema: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: await postgresUrl(),
    options: `-c search_path=${schema}`,
    types,
  })
  await client.connect()
  return client
}
