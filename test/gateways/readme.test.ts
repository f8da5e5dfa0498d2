import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startServer, until } from '../server-process.ts'
import { adapt, addresses, freePort, listens, makeDirectory } from './gateways.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const section = readme.split('\n## Behind a gateway\n')[1]?.split('\n## ')[0] ?? ''

/** The commands of the section, and what the README says that they write. */
const start = /^```sh\n(.*?)^```$/ms.exec(section)?.[1] ?? ''
const transcript = /^```console\n(.*?)^```$/ms.exec(section)?.[1] ?? ''
const steps = [...transcript.matchAll(/^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)/gm)]

/** What differs from run to run, by a number that is the same for the same value. */
function withoutVolatile(text: string): string {
  const seen: string[] = []
  return text.replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z/g, (value) => {
    if (!seen.includes(value)) seen.push(value)
    return `<${seen.indexOf(value)}>`
  })
}

t.test('whoever copies the commands of the README sees what it says', async (t) => {
  t.equal(steps.length, 5, 'register, login, pass, logout, no more')
  const ports = {
    gateway: await freePort(),
    postern: await freePort(),
    application: await freePort(),
  }
  await startServer(t, { cwd: t.testdir(), env: { PORT: `${ports.postern}` } })
  const cwd = makeDirectory(t)
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
  const script = steps.map(([, command = '']) => `${command}\necho '\n==='`).join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-c', ours(script)], { cwd, env })

  const written = withoutVolatile(stdout).split('\n===\n')
  const promised = withoutVolatile(steps.map(([, , output = '']) => output).join('===\n')).split('===\n')
  t.same(
    steps.map(([, command], index) => [command, written[index]?.trim()]),
    steps.map(([, command], index) => [command, promised[index]?.trim()]),
  )
})
