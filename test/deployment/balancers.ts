import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { type Answer, createClient, type Sent } from '../gateways/application.ts'
import { adapt, createDirectory, run } from '../gateways/gateways.ts'
import { ada } from '../helper.ts'
import { freePort } from '../postgres-server.ts'
import { type ServerProcess, startServer } from '../server-process.ts'

const HAPROXY_CFG = fileURLToPath(new URL('../../examples/load-balancer/haproxy.cfg', import.meta.url))

/** The load balancers in `examples/load-balancer`. */
export const balancers = { HAProxy: startHaproxy, nginx: startNginx }
export type Balancer = keyof typeof balancers

/** Three instances of Postern on one database, behind a load balancer. */
export interface Deployment {
  /** The balancer's port on 127.0.0.1. */
  port: number
  /** Sends a request to the balancer. */
  send(sent?: Sent): Promise<Answer>
  /** Posts a body as JSON to the balancer. */
  post(path: string, body: object): Promise<Answer>
  /** Registers a user and logs in, through the balancer. @returns the token */
  logIn(email?: string): Promise<string>
  instances: ServerProcess[]
  /** Starts an instance again on the same port. */
  restart(index: number): Promise<void>
}

/**
 * Starts everything as in the examples, except for the ports. It ends with the test.
 *
 * @param settings name the database of the instances
 */
export async function standBehind(
  t: Test,
  balancer: Balancer,
  settings: Record<string, string>,
): Promise<Deployment> {
  const cwd = t.testdir()
  const ports = [await freePort(), await freePort(), await freePort()]
  const start = (port: number) =>
    startServer(t, { cwd, env: { ...settings, PORT: `${port}`, TRUST_PROXY: '127.0.0.1' } })
  // At the same moment, on an empty database.
  const instances = await Promise.all(ports.map(start))
  const port = await freePort()
  await balancers[balancer](t, port, ports)
  const send = createClient(t, port)
  const post = (path: string, body: object) =>
    send({
      method: 'POST',
      path,
      headers: [['Content-Type', 'application/json']],
      body: Buffer.from(JSON.stringify(body)),
    })
  return {
    port,
    send,
    post,
    logIn: async (email = ada.email) => {
      await post('/register', { ...ada, email })
      const { body } = await post('/login', { email, password: ada.password })
      return (JSON.parse(body) as { access_token: string }).access_token
    },
    instances,
    restart: async (index) => {
      instances[index] = await start(ports[index] ?? 0)
    },
  }
}

async function startHaproxy(t: Test, port: number, instances: number[]): Promise<void> {
  const [first, second, third] = instances.map((instance) => `127.0.0.1:${instance}`)
  await run(t, port, 'haproxy', ['-f', HAPROXY_CFG], {
    LISTEN: `127.0.0.1:${port}`,
    POSTERN_1: `${first}`,
    POSTERN_2: `${second}`,
    POSTERN_3: `${third}`,
  })
}

async function startNginx(t: Test, port: number, instances: number[]): Promise<void> {
  const directory = createDirectory(t)
  const replacements = instances.map((instance, index): [string, string] => [
    `127.0.0.1:300${index + 1}`,
    `127.0.0.1:${instance}`,
  ])
  const config = adapt(
    directory,
    'nginx.conf',
    Object.fromEntries([...replacements, ['127.0.0.1:8080', `127.0.0.1:${port}`]]),
    'load-balancer',
  )
  await run(t, port, 'nginx', ['-e', 'stderr', '-p', join(directory), '-c', config])
}

/** The log entries of the requests that an instance has answered. */
export function answered({ stdout }: ServerProcess): { path: string; status: number; address: string }[] {
  return stdout()
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'))
    .map((line) => JSON.parse(line))
}
