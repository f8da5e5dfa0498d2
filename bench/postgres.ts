/** Checks on PostgreSQL, against those on SQLite and against one query per request. */
import { startPostgres } from '../test/postgres-server.ts'
import { deploy, get } from './deployment.ts'
import { type Effort, type Figure, sampleOf, throughput } from './figures.ts'
import { startSelect, stop } from './processes.ts'

export async function measurePostgres(effort: Effort): Promise<Figure[]> {
  const server = await startPostgres()
  const onPostgres = await deploy({ databaseUrl: server.url })
  const onSqlite = await deploy()
  const postgresChecks = onPostgres.createTokens(200).map((token) => get('/getUser', token))
  const sqliteChecks = onSqlite.createTokens(200).map((token) => get('/getUser', token))
  const [token = ''] = onPostgres.createTokens(1)
  const select = await startSelect(server.url, await sampleOf(onPostgres, token))
  const figures = {
    select: {
      name: 'GET /getUser on PostgreSQL against one SELECT per request',
      bar: 2,
      samples: [] as number[],
    },
    sqlite: { name: 'the same against GET /getUser on SQLite', bar: 0, samples: [] as number[] },
  }
  for (let round = -1; round < effort.rounds; round++) {
    const selected = await throughput(select, [get('/select', token)], effort)
    const postgres = await throughput(onPostgres, postgresChecks, effort)
    const sqlite = await throughput(onSqlite, sqliteChecks, effort)
    if (round < 0) continue
    figures.select.samples.push(postgres / selected)
    figures.sqlite.samples.push(postgres / sqlite)
  }
  await stop(select)
  await onSqlite.end()
  await onPostgres.end()
  await server.remove()
  return Object.values(figures)
}
