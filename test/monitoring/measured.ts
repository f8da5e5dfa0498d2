import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'

/** Where the examples are. */
export const EXAMPLES = fileURLToPath(new URL('../../examples/monitoring/', import.meta.url))

export function readExample(name: string): string {
  return readFileSync(`${EXAMPLES}${name}`, 'utf8')
}

/** A running service with metrics, after some of everything has happened there. */
export async function startUsed(t: Test): Promise<{ metrics: URL; scrape(): Promise<string> }> {
  const { address, stderr } = await startServer(t, {
    cwd: t.testdir(),
    env: { METRICS_PORT: '0', THROTTLE: 'true' },
  })
  const metrics = new URL(/Metrics +(\S+)/.exec(stderr())?.[1] ?? '')
  await postJson(`${address}/register`, ada)
  const token = await logInAt(address, ada)
  await postJson(`${address}/login`, { email: ada.email, password: 'something else' })
  for (const path of ['/getUser', '/verify', '/readyz', '/no/such/path']) {
    await fetch(`${address}${path}`, { headers: bearer(token) })
  }
  await fetch(`${address}/logout`, { method: 'POST', headers: bearer(token) })
  await fetch(`${address}/getUser`, { headers: bearer(token) })
  const scrape = async () => await (await fetch(metrics)).text()
  return { metrics, scrape }
}

/** The names of the metrics that a scrape has, and of the series that each is made of. */
export function seriesOf(scrape: string): { families: string[]; series: Set<string> } {
  const types = [...scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  const series = types.flatMap(([, name = '', type]) =>
    type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
  )
  return { families: types.map(([, name = '']) => name), series: new Set(series) }
}

/** An alert, as far as it is of use here. */
export interface Rule {
  alert: string
  expr: string
}

/** The alerts of the example: enough of YAML for the form that they are written in. */
export function readAlerts(): Rule[] {
  return readExample('alerts.yml')
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({
      alert: text.split('\n', 1)[0] ?? '',
      expr: /^ {8}expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)/m.exec(text)?.slice(1).join('').trim() ?? '',
    }))
}

/** A panel of the dashboard. */
export interface Panel {
  id: number
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { refId: string; expr: string }[]
}

export function readPanels(): Panel[] {
  return JSON.parse(readExample('dashboard.json')).panels
}
