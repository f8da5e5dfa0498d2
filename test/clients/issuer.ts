import { createServer } from 'node:net'
import type { Test } from 'tap'
import { type CliOptions, posternJson } from '../cli.ts'
import { ada } from '../helper.ts'
import { postJson, startServer } from '../server-process.ts'

/** A server whose ISSUER is its own address, for clients that discover its endpoints. */
export interface Issuer {
  url: URL
  /** The options with which to run its commands. */
  options: CliOptions
  /** The credentials of a client that the command has created. */
  id: string
  secret: string
}

/** Starts the real server, registers Ada and creates a client. */
export async function startIssuer(t: Test, settings: Record<string, string> = {}): Promise<Issuer> {
  const port = await findFreePort()
  const url = new URL(`http://127.0.0.1:${port}`)
  const cwd = t.testdir()
  const env = { PORT: `${port}`, ISSUER: url.origin, AUDIENCE: 'https://api.example.com', ...settings }
  await startServer(t, { cwd, env })
  await postJson(`${url.origin}/register`, ada)
  const options = { cwd, env }
  const [client = {}] = await posternJson(['clients', 'add', 'resource server'], options)
  const { client_id: id = '', client_secret: secret = '' } = client
  return { url, options, id, secret }
}

/** A free port, which must be known before the server starts. */
async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('There is no port')
  return address.port
}
