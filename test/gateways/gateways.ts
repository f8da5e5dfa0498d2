import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { until } from '../server-process.ts'

/** The ports with which a test replaces those in the recipes. */
export interface Ports {
  gateway: number
  postern: number
  application: number
}

/** The gateways that send each request to Postern for a check. */
export const askingGateways = { nginx: startNginx, Caddy: startCaddy }
export type AskingGateway = keyof typeof askingGateways

/** A port on which no process listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function startNginx(t: Test, ports: Ports): Promise<void> {
  const directory = createDirectory(t)
  const config = adapt(directory, 'nginx.conf', addresses(ports))
  await run(t, ports.gateway, 'nginx', ['-e', 'stderr', '-p', directory, '-c', config])
}

async function startCaddy(t: Test, ports: Ports): Promise<void> {
  const directory = createDirectory(t)
  const config = adapt(directory, 'Caddyfile', {
    ...addresses(ports),
    'http://:8080': `http://:${ports.gateway}`,
  })
  await run(t, ports.gateway, 'caddy', ['run', '--config', config, '--adapter', 'caddyfile'], {
    HOME: directory,
  })
}

/**
 * @param pem of the key that tokens are signed with
 * @param nextPem of the next key, for which the recipe has a line to uncomment
 */
export async function startHaproxy(t: Test, ports: Ports, pem: string, nextPem?: string): Promise<void> {
  const directory = createDirectory(t)
  const key = join(directory, 'postern.pem')
  const nextKey = join(directory, 'postern-next.pem')
  writeFileSync(key, pem)
  if (nextPem !== undefined) writeFileSync(nextKey, nextPem)
  const config = adapt(directory, 'haproxy.cfg', {
    ...addresses(ports),
    '/etc/haproxy/postern-next.pem': nextKey,
    '/etc/haproxy/postern.pem': key,
    ...(nextPem !== undefined && { '# acl signed': 'acl signed' }),
  })
  await run(t, ports.gateway, 'haproxy', ['-f', config])
}

export function addresses({ gateway, postern, application }: Ports): Record<string, string> {
  return {
    '127.0.0.1:8080': `127.0.0.1:${gateway}`,
    '127.0.0.1:3000': `127.0.0.1:${postern}`,
    '127.0.0.1:8000': `127.0.0.1:${application}`,
  }
}

/** A directory outside the checkout, since a gateway's workers may run as a user who has no access to that. */
export function createDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-gateway-'))
  chmodSync(directory, 0o755)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Copies a recipe with replacements. @throws if the recipe does not have a text to replace */
export function adapt(
  directory: string,
  recipe: string,
  replacements: Record<string, string>,
  folder = 'gateways',
): string {
  let text = readFileSync(new URL(`../../examples/${folder}/${recipe}`, import.meta.url), 'utf8')
  for (const [shipped, own] of Object.entries(replacements)) {
    if (!text.includes(shipped)) throw new Error(`${recipe} does not have ${shipped}`)
    text = text.replaceAll(shipped, own)
  }
  const path = join(directory, recipe)
  writeFileSync(path, text)
  return path
}

/** Runs a gateway until its test ends, and waits until it listens. */
export async function run(
  t: Test,
  port: number,
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<void> {
  const path = `${process.env['PATH']}:/usr/sbin`
  const child = spawn(command, args, { env: { PATH: path, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  let hasEnded = false
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const end = new Promise<void>((resolve) => {
    child.once('error', ({ message }) => {
      stderr += message
      resolve()
    })
    child.once('close', () => resolve())
  }).then(() => {
    hasEnded = true
  })
  t.teardown(() => {
    child.kill('SIGTERM')
    return end
  })
  await until(async () => hasEnded || (await listens(port)))
  if (hasEnded) throw new Error(`${command} did not start: ${stderr}`)
}

export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
