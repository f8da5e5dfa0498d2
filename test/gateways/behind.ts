import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { claimsOf, decodeHeader, forge, type StolenKey, stealKeys } from '../forge.ts'
import { ada } from '../helper.ts'
import { nodeCommand } from '../node-command.ts'
import { COMPILE_CACHE, type ServerProcess, startServer } from '../server-process.ts'
import type { Beside } from '../shared-database.ts'
import { openSqliteBeside } from '../sqlite-beside.ts'
import { type Answer, createClient, type Received, type Sent, startApplication } from './application.ts'
import { type AskingGateway, askingGateways, freePort, type Ports } from './gateways.ts'

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** Postern in its own process, and an application, both behind a gateway. */
export interface Deployment {
  /** Sends a request to the gateway. */
  send(sent?: Sent): Promise<Answer>
  /** The requests that the application has received. */
  received: Received[]
  /** Registers a user through the gateway. @returns their id */
  register(user: Partial<typeof ada>): Promise<string>
  /** Logs a user in through the gateway. @returns an access token */
  logIn(user?: typeof ada): Promise<string>
  /** Logs out through the gateway. */
  logOut(token: string): Promise<Answer>
  /** Postern's process. */
  postern: ServerProcess
  /** Starts Postern again on the same port. */
  restart(): Promise<ServerProcess>
  /** Runs a command of `postern` in the directory of the service. @returns what it prints */
  command(...args: string[]): Promise<string>
  /** A separate connection to Postern's database. */
  db: Beside
  /** The signing keys, oldest first, as a thief of the database and the secret has them. */
  keys(): Promise<StolenKey[]>
  /** The same token with other claims, signed by the same key. */
  resign(token: string, claims: object): Promise<string>
}

/** Starts all three with the gateway's recipe in `examples`. They end with the test. */
export async function standBehind(t: Test, gateway: AskingGateway): Promise<Deployment> {
  const { deployment, ports } = await startPostern(t)
  await askingGateways[gateway](t, ports)
  return deployment
}

/** Starts Postern and the application, without a gateway. */
export async function startPostern(t: Test): Promise<{ deployment: Deployment; ports: Ports }> {
  const cwd = t.testdir()
  const application = await startApplication(t)
  const ports = { gateway: await freePort(), postern: await freePort(), application: application.port }
  const start = () => startServer(t, { cwd, env: { PORT: `${ports.postern}` } })
  const postern = await start()
  const database = join(cwd, 'data', 'postern.db')
  const db = openSqliteBeside(t, database)
  const send = createClient(t, ports.gateway)

  async function post(path: string, body: object): Promise<Record<string, string>> {
    const answer = await send({
      method: 'POST',
      path,
      headers: [['Content-Type', 'application/json']],
      body: Buffer.from(JSON.stringify(body)),
    })
    return JSON.parse(answer.body)
  }

  const keys = () => stealKeys(db, readFileSync(`${database}.secret`, 'utf8').trim())

  const deployment: Deployment = {
    send,
    received: application.received,
    register: async (user) => (await post('/register', { ...ada, ...user }))['id'] ?? '',
    logIn: async ({ email, password } = ada) =>
      (await post('/login', { email, password }))['access_token'] ?? '',
    logOut: (token) => send({ method: 'POST', path: '/logout', token }),
    postern,
    restart: start,
    command: async (...args) => {
      const { stdout } = await promisify(execFile)(...nodeCommand([CLI, ...args]), {
        cwd,
        env: COMPILE_CACHE,
      })
      return stdout
    },
    db,
    keys,
    resign: async (token, claims) => {
      const key = (await keys()).find(({ kid }) => kid === decodeHeader(token)['kid'])
      if (!key) throw new Error('The token is of an unknown key')
      return forge(key, { ...claimsOf(token), ...claims })
    },
  }
  return { deployment, ports }
}

/** A key that Postern does not have, under the id of one that it has. */
export function createStrangeKey(kid: unknown): StolenKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return { kid: `${kid}`, algorithm: 'ES256', publicKey, privateKey }
}

/** Runs an action `count` times, eight at a time, or until it returns 'enough'. */
export async function repeat(
  count: number,
  action: (index: number) => Promise<'enough' | undefined>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) if ((await action(next++)) === 'enough') next = count
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}
