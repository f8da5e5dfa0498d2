/**
 * Measures Postern against baselines, on one machine in one run.
 *
 *     npm run bench -- [--rounds 5] [--seconds 2] [--only checks,logins] [--json FILE] [--svg FILE]
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { measureAttacks } from './attacks.ts'
import { drawChart } from './chart.ts'
import {
  type Figure,
  measureChecks,
  measureGrowth,
  measureLogins,
  measureStart,
  measureWrites,
  type Result,
} from './figures.ts'
import { measureMemory } from './memory.ts'
import { measurePostgres } from './postgres.ts'

const groups = {
  checks: measureChecks,
  growth: measureGrowth,
  logins: measureLogins,
  attacks: measureAttacks,
  writes: measureWrites,
  start: measureStart,
  postgres: measurePostgres,
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: Object.keys(groups).join() },
    memory: { type: 'string', default: '0' },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
})

const effort = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
const machine = [
  `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
  `Node.js ${process.versions.node}`,
  new Date().toISOString().slice(0, 10),
].join(', ')
const results: Result[] = []
console.log(`${machine}\n`)
for (const [group, measure] of Object.entries(groups)) {
  if (!values.only.split(',').includes(group)) continue
  for (const figure of await measure(effort)) report(figure)
}
const minutes = Number(values.memory)
if (minutes > 0) for (const figure of await measureMemory(minutes)) report(figure)
if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`)
if (values.svg) writeFileSync(values.svg, drawChart(machine, results))

function report(figure: Figure): void {
  const { samples, ...rest } = figure
  const sorted = samples.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const [low = Number.NaN, high = Number.NaN] = [sorted[0], sorted.at(-1)]
  const reached = figure.less ? median <= figure.bar : median >= figure.bar
  results.push({ ...rest, median, low, high, reached })
  const show = (value: number) => (figure.unit ? `${value.toFixed(0)} ${figure.unit}` : value.toFixed(2))
  const bar = figure.bar === 0 ? '' : `${figure.less ? 'at most' : 'at least'} ${show(figure.bar)}`
  const mark = figure.bar === 0 ? ' ' : reached ? '✓' : '✗'
  console.log(
    `${mark} ${figure.name.padEnd(64)} ${show(median).padStart(8)}  (${show(low)} to ${show(high)})  ${bar}`,
  )
  if (figure.detail) console.log(`    ${figure.detail}`)
}
