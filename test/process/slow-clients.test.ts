import { connect } from 'node:net'
import t from 'tap'
import { bearer } from '../helper.ts'
import { startServer } from '../server-process.ts'

const HEADER =
  'POST /login HTTP/1.1\r\nHost: postern\r\nContent-Type: application/json\r\nContent-Length: 64\r\n'

/** Sends the parts of a request, then the trickle every second, and reads everything until the connection closes. */
function sendSlowly(address: string, parts: string[], trickle?: string): Promise<string> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  for (const part of parts) socket.write(part)
  const timer = trickle && setInterval(() => socket.write(trickle), 1000)
  return new Promise((resolve) => {
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(timer || undefined)
      resolve(answer)
    })
  })
}

// Each test waits for the server's timeout, so they run at the same time.
t.jobs = 2

t.test('does not wait forever for a request that does not end', { buffered: true }, async (t) => {
  const { address, stdout, stop } = await startServer(t, { cwd: t.testdir() })

  const answers = await Promise.all([
    sendSlowly(address, [HEADER]),
    sendSlowly(address, [HEADER], 'X-Slow: 1\r\n'),
    sendSlowly(address, [`${HEADER}\r\n{"email":`]),
    sendSlowly(address, [`${HEADER}\r\n{"email":`], ' '),
  ])

  for (const answer of answers) {
    t.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/)
    t.match(answer, /\r\nContent-Type: application\/problem\+json\r\n/i)
    t.match(answer, /\r\nConnection: close\r\n/i)
    t.match(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), { status: 408, code: 'request_timeout' })
  }
  t.equal((await fetch(`${address}/getUser`, { headers: bearer('x') })).status, 401, 'it still serves others')
  t.equal((await stop()).code, 0)
  t.notMatch(stdout(), /"level":(50|60)/, 'a slow client is no error of the service')
})

t.test('stops although a client never ends its request', { buffered: true }, async (t) => {
  const { address, stop } = await startServer(t, { cwd: t.testdir() })
  const answer = sendSlowly(address, [`${HEADER}\r\n{"email":`], ' ')
  // Once this is answered, the other request has arrived too.
  await fetch(`${address}/healthz`)

  t.equal((await stop()).code, 0)
  t.equal(await answer, '')
})
