import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readBlocks, readPage, readSection, readTranscript, withoutVolatile } from '../markdown.ts'
import { startServer, until } from '../server-process.ts'
import { adapt, addresses, createDirectory, freePort, listens } from './gateways.ts'

const section = readSection(readPage('examples/gateways/README.md'), '## Try it with nginx')
/** The commands that start the application and the gateway, and those that ask them. */
const [start = ''] = readBlocks(section, 'sh')
const steps = readTranscript(section)

t.test('the commands of the README write what it says', async (t) => {
  t.equal(steps.length, 5, 'register, login, pass, logout, no more')
  const ports = {
    gateway: await freePort(),
    postern: await freePort(),
    application: await freePort(),
  }
  await startServer(t, { cwd: t.testdir(), env: { PORT: `${ports.postern}` } })
  const cwd = createDirectory(t)
  mkdirSync(join(cwd, 'examples', 'gateways'), { recursive: true })
  adapt(join(cwd, 'examples', 'gateways'), 'nginx.conf', addresses(ports))
  const ours = (text: string) =>
    text
      .replaceAll(':8080', `:${ports.gateway}`)
      .replaceAll('8000', `${ports.application}`)
      .replaceAll('/tmp/gateway', join(cwd, 'gateway'))
  const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}:/usr/sbin` }

  // A process group of its own, to end all that it has left running.
  const shell = spawn('bash', ['-c', `${ours(start)}\nwait`], { cwd, env, detached: true, stdio: 'ignore' })
  const end = once(shell, 'close')
  t.teardown(() => {
    process.kill(-(shell.pid ?? 0), 'SIGTERM')
    return end
  })
  await until(async () => (await listens(ports.gateway)) && (await listens(ports.application)))
  const script = steps.map(({ command }) => `${command}\necho '\n==='`).join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-c', ours(script)], { cwd, env })

  const written = withoutVolatile(stdout).split('\n===\n')
  const promised = withoutVolatile(steps.map(({ output }) => output).join('\n===\n')).split('\n===\n')
  t.same(
    steps.map(({ command }, index) => [command, written[index]?.trim()]),
    steps.map(({ command }, index) => [command, promised[index]]),
  )
})
