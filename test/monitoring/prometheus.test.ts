import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../server-process.ts'
import { EXAMPLES, readAlerts, readExample, readPanels, startUsed } from './measured.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A real Prometheus with the example's configuration, but for the address that it scrapes, and how often. */
async function startPrometheus(t: Test, target: string): Promise<(path: string) => Promise<Answer>> {
  const cwd = t.testdir()
  const config = readExample('prometheus.yml')
    .replace('127.0.0.1:9464', target)
    .replaceAll(/(_interval): 15s/g, '$1: 1s')
  writeFileSync(join(cwd, 'prometheus.yml'), config)
  copyFileSync(`${EXAMPLES}alerts.yml`, join(cwd, 'alerts.yml'))
  const address = `127.0.0.1:${await freePort()}`
  const options = [
    '--config.file=prometheus.yml',
    '--storage.tsdb.path=data',
    `--web.listen-address=${address}`,
  ]
  const child = spawn('prometheus', options, { cwd, stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'close')
  })
  await until(
    async () =>
      await fetch(`http://${address}/-/ready`)
        .then(({ ok }) => ok)
        .catch(() => false),
  )
  return async (path) => (await (await fetch(`http://${address}/api/v1/${path}`)).json()) as Answer
}

interface Answer {
  status: string
  error?: string
  data: {
    activeTargets: { health: string; lastError: string; discoveredLabels: Record<string, string> }[]
    result: { value: [number, string]; metric: Record<string, string> }[]
    groups: { rules: { name: string; health: string; state: string }[] }[]
  }
}

t.test('a real Prometheus scrapes, evaluates the alerts, and understands the dashboard', async (t) => {
  const { metrics } = await startUsed(t)
  const ask = await startPrometheus(t, metrics.host)
  const query = (expr: string) => ask(`query?query=${encodeURIComponent(expr)}`)

  // Until it has scraped twice, and evaluated the rules.
  await until(async () => (await query('count_over_time(up{job="postern"}[1m]) >= 2')).data.result.length > 0)
  const { data } = await ask('targets')
  t.same(
    data.activeTargets.map(({ health, lastError }) => [health, lastError]),
    [['up', '']],
  )
  const [refused] = (await query('postern_checks_refused_total{reason="revoked"}')).data.result
  t.equal(refused?.value[1], '1')
  const [login] = (await query('postern_http_request_duration_seconds_count{route="/login",status="401"}'))
    .data.result
  t.equal(login?.value[1], '1')

  const rules = async () => (await ask('rules')).data.groups.flatMap((group) => group.rules)
  await until(async () => (await rules()).every(({ health }) => health !== 'unknown'))
  t.same(
    (await rules()).map(({ name, health, state }) => [name, health, state]),
    readAlerts().map(({ alert }) => [alert, 'ok', 'inactive']),
  )

  for (const { title, targets = [] } of readPanels()) {
    for (const { expr } of targets) {
      const { status, error } = await query(
        expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.+'),
      )
      t.equal(status, 'success', `${title}: ${error ?? expr}`)
    }
  }
})
