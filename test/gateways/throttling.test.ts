import { generateKeyPairSync } from 'node:crypto'
import { request } from 'node:http'
import t, { type Test } from 'tap'
import { startServer, until } from '../server-process.ts'
import { askingGateways, freePort, type Ports, startHaproxy } from './gateways.ts'

const gateways: Record<string, (t: Test, ports: Ports) => Promise<void>> = {
  ...askingGateways,
  HAProxy: (t, ports) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return startHaproxy(t, ports, publicKey.export({ type: 'spki', format: 'pem' }).toString())
  },
}

/** Tries a wrong password from an address of this machine. @returns the status of the response */
async function guess(port: number, localAddress: string, headers: Record<string, string> = {}) {
  return await new Promise<number | undefined>((resolve, reject) => {
    const options = { port, localAddress, path: '/login', method: 'POST', agent: false }
    const type = { 'content-type': 'application/json' }
    request({ ...options, host: '127.0.0.1', headers: { ...type, ...headers } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode))
    })
      .on('error', reject)
      .end(JSON.stringify({ email: 'ada@example.com', password: 'a wrong one' }))
  })
}

for (const [gateway, start] of Object.entries(gateways)) {
  t.test(
    `behind ${gateway}, each client is throttled separately, and no header changes who it is`,
    async (t) => {
      const ports = { gateway: await freePort(), postern: await freePort(), application: await freePort() }
      const env = { THROTTLE: 'true', TRUST_PROXY: '127.0.0.1', LOGIN_FAILURES_PER_ADDRESS: '2' }
      const postern = await startServer(t, { cwd: t.testdir(), env: { ...env, PORT: `${ports.postern}` } })
      await start(t, ports)

      const forged = ['198.51.100.1', '198.51.100.2, 127.0.0.1', '127.0.0.3', 'unknown']
      t.equal(await guess(ports.gateway, '127.0.0.2'), 401)
      t.equal(await guess(ports.gateway, '127.0.0.2', { forwarded: 'for=198.51.100.9' }), 401)
      for (const value of forged) {
        t.equal(await guess(ports.gateway, '127.0.0.2', { 'x-forwarded-for': value }), 429, value)
      }
      t.equal(await guess(ports.gateway, '127.0.0.3'), 401, 'another client')
      t.notMatch(postern.stdout(), /trusted proxy/, 'there is no warning')
    },
  )

  t.test(`behind ${gateway}, Postern warns if TRUST_PROXY is not set`, async (t) => {
    const ports = { gateway: await freePort(), postern: await freePort(), application: await freePort() }
    const env = { THROTTLE: 'true', PORT: `${ports.postern}` }
    const postern = await startServer(t, { cwd: t.testdir(), env })
    await start(t, ports)
    t.equal(await guess(ports.gateway, '127.0.0.2'), 401)
    await until(() => postern.stdout().includes('"level":40'))
    const warnings = postern
      .stdout()
      .split('\n')
      .filter((line) => line.includes('"level":40'))
    t.match(warnings, [/127\.0\.0\.1 sent X-Forwarded-For and is not a trusted proxy.*TRUST_PROXY/])
    t.equal(warnings.length, 1)
  })
}
