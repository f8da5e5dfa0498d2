import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { createDirectory, freePort } from '../gateways/gateways.ts'
import { readBlocks, readPage, readTranscript } from '../markdown.ts'

const page = readPage('docs/first-deployment.md')
const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url))

/** The parts of a checkout that the commands of the page need. */
const PARTS = ['package.json', 'node_modules', 'src', 'plugins', 'routes', 'drizzle']

/** The commands that only start processes. */
const starts = readBlocks(page, 'sh')
const steps = readTranscript(page)

t.test('the commands of the page print what it says', async (t) => {
  t.ok(starts.length === 2 && steps.length >= 14)
  const cwd = createDirectory(t)
  for (const part of PARTS) symlinkSync(join(CHECKOUT, part), join(cwd, part))
  const ports: Record<string, number> = {}
  for (const port of [3000, 8000, 8080, 9090, 9464]) ports[port] = await freePort()
  const ours = (text: string) =>
    text
      .replaceAll(/\b(3000|8000|8080|9090|9464)\b/g, (port) => `${ports[port]}`)
      .replaceAll('/tmp/', `${cwd}/tmp/`)
  for (const file of ['gateways/nginx.conf', 'monitoring/prometheus.yml', 'monitoring/alerts.yml']) {
    const copy = join(cwd, 'examples', file)
    mkdirSync(dirname(copy), { recursive: true })
    // A scrape every second, so that the test does not wait long.
    const text = readFileSync(join(CHECKOUT, 'examples', file), 'utf8').replaceAll(
      '_interval: 15s',
      '_interval: 1s',
    )
    writeFileSync(copy, ours(text))
  }
  mkdirSync(join(cwd, 'tmp'))
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}:/usr/sbin`,
    HOME: cwd,
    PORT: `${ports[3000]}`,
  }

  // Its own process group, so that the test can end all of its processes.
  const shell = spawn('bash', ['-c', `${ours(starts.join(''))}\necho started\nwait`], {
    cwd,
    env,
    detached: true,
  })
  const end = once(shell, 'close')
  t.teardown(async () => {
    process.kill(-(shell.pid ?? 0), 'SIGKILL')
    await end
    rmSync(join(cwd, 'tmp'), { recursive: true, force: true })
  })
  shell.stderr.resume()
  let output = ''
  for await (const chunk of shell.stdout) {
    output += chunk
    if (output.includes('started')) break
  }
  const script = steps.map(({ command }) => `${command}\necho '\n==='`).join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-c', ours(script)], { cwd, env })

  const written = stdout.split('\n===\n')
  t.same(
    steps.map(({ command }, index) => [command, written[index]?.trim()]),
    steps.map(({ command, output }) => [command, output]),
  )
})
