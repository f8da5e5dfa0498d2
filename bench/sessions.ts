/** Users who log in and out as fast as they can, in a process of its own. */
import { ada } from './deployment.ts'

const [port, connections, seconds] = process.argv.slice(2).map(Number) as [number, number, number]
const address = `http://127.0.0.1:${port}`
const end = performance.now() + seconds * 1000
let sessions = 0

async function session(): Promise<void> {
  const login = await fetch(`${address}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ada),
  })
  // A slow machine refuses some.
  if (login.status === 503) {
    await login.arrayBuffer()
    return
  }
  const { access_token: token } = (await login.json()) as { access_token: string }
  const logout = await fetch(`${address}/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  if (!logout.ok) throw new Error(`logout answered ${logout.status}`)
  await logout.arrayBuffer()
  sessions += 1
}

await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() < end) await session()
  }),
)
process.send?.(sessions)
