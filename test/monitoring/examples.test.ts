import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { EXAMPLES, readAlerts, readExample, readPanels, seriesOf, startUsed } from './measured.ts'

const alerts = readAlerts()
const panels = readPanels()
const expressions = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
]
const guide = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')

async function promtool(
  t: { equal(a: unknown, b: unknown, c: string): boolean },
  args: string[],
  input = '',
) {
  const run = promisify(execFile)('promtool', args, { cwd: EXAMPLES })
  run.child.stdin?.end(input)
  const { code = 0, stdout, stderr } = await run.catch((error) => error)
  t.equal(code, 0, `promtool ${args.join(' ')}: ${stdout}${stderr}`)
  return `${stdout}${stderr}`
}

t.test('promtool finds nothing wrong with the examples, and the alerts do what they are for', async (t) => {
  await promtool(t, ['check', 'config', 'prometheus.yml'])
  const checked = await promtool(t, ['check', 'rules', '--lint-fatal', 'alerts.yml'])
  t.match(checked, `${alerts.length} rules found`, 'as many as these tests see')
  await promtool(t, ['test', 'rules', 'alerts_test.yml'])
  const tests = readExample('alerts_test.yml')
  for (const { alert } of alerts) {
    t.match(tests, new RegExp(`- \\{ alertname: ${alert}, eval_time: \\d+m \\}\n`), `${alert} stays silent`)
    t.match(tests, new RegExp(`- alertname: ${alert}\n *eval_time: \\d+m\n *exp_alerts:\n`), `${alert} fires`)
  }
})

t.test('promtool finds nothing wrong with what is scraped', async (t) => {
  const { scrape } = await startUsed(t)
  t.equal(await promtool(t, ['check', 'metrics'], await scrape()), '')
})

t.test('alerts and dashboard name only what is scraped', async (t) => {
  const { scrape } = await startUsed(t)
  const text = await scrape()
  const { series } = seriesOf(text)
  t.ok(expressions.length > 30)

  for (const [where, expr] of expressions) {
    const names = expr.match(/\b(postern|nodejs|process)_\w+/g) ?? []
    t.ok(names.length > 0 || /^up\{/.test(expr), where)
    t.same(
      names.filter((name) => !series.has(name)),
      [],
      where,
    )
    // Of what has few values, whether used or not, those that are named are all there.
    for (const [, label, values = ''] of expr.matchAll(/\b(reason|outcome|state)=~?"([^"]+)"/g)) {
      for (const value of values.split('|')) t.match(text, `${label}="${value}"`, where)
    }
  }
})

t.test('the guide explains every metric and every alert, and no others', async (t) => {
  const { scrape } = await startUsed(t)
  const ours = seriesOf(await scrape()).families.filter((name) => name.startsWith('postern_'))
  const rows = [...guide.matchAll(/^\| `(postern_\w+)/gm)].map(([, name]) => name)
  t.same(rows.sort(), ours.sort())

  const headings = [...guide.matchAll(/^### (Postern\w+)$/gm)].map(([, name]) => name)
  t.same(
    headings,
    alerts.map(({ alert }) => alert),
  )
})

t.test('the dashboard’s panels each have a place and something to show', async (t) => {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, type, gridPos, targets = [] } of panels) {
    t.equal(targets.length === 0, type === 'row', title)
    const { x, y, w, h } = gridPos
    const cells = Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`)
    t.ok(x + w <= 24 && cells.every((cell) => !taken.has(cell)), `${title} lies on nothing else`)
    for (const cell of cells) taken.add(cell)
  }
})
