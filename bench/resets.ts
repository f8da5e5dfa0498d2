/** Clients that send a whole login and reset their connection at once, in a process of its own. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ada, post } from './deployment.ts'

/** Milliseconds between two logins: 200 come in a second. */
const PAUSE = 5

const [port, seconds] = process.argv.slice(2).map(Number) as [number, number]
const end = performance.now() + seconds * 1000
const login = post('/login', { ...ada, password: 'a wrong one' })
let sent = 0

while (performance.now() < end) {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.once('connect', () => {
    socket.write(login, () => setImmediate(() => socket.resetAndDestroy()))
    sent += 1
  })
  await sleep(PAUSE)
}
process.send?.(sent, () => process.exit())
