/**
 * The load, in a process of its own: it sends prepared requests over keep-alive connections and counts the responses.
 * Node's HTTP client would be the bottleneck, so this reads only the status and the length of a response.
 */
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

/** What to send, for how long. */
export interface Load {
  port: number
  connections: number
  seconds: number
  /** Requests per second in all; without it, as many as the server answers. */
  rate?: number
  /** Sent one after the other, and again from the first, unless `once`. */
  requests: string[]
  once?: boolean
}

/** What came of it. */
export interface Outcome {
  answered: number
  perSecond: number
  /** Milliseconds from when a request was due to its response; at full speed, of unusual responses only. */
  p50: number
  p99: number
  max: number
  statuses: Record<string, number>
  /** Where the next round continues if each request may be sent only once. */
  sent: number
}

const { port, connections, seconds, rate, requests, once } = await receive()
const buffers = requests.map((request) => Buffer.from(request, 'latin1'))
const latencies: number[] = []
const statuses: Record<string, number> = {}
let next = 0
let usualLength = 0
let usual = 0
let stopped = false

function takeRequest(): Buffer | undefined {
  if (once && next >= buffers.length) return undefined
  return buffers[next++ % buffers.length]
}

class Connection {
  readonly #socket: Socket
  #due = 0
  #chunks: Buffer[] = []
  #onIdle: (connection: Connection) => void

  constructor(socket: Socket, onIdle: (connection: Connection) => void) {
    this.#socket = socket.setNoDelay(true).on('data', (chunk) => this.#receive(chunk))
    this.#onIdle = onIdle
  }

  /** @param due when the request should have been sent, which is in the past if the server has not kept up */
  send(request: Buffer, due: number): void {
    this.#due = due
    this.#socket.write(request)
  }

  end(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    // Nearly every response is a 200 of the same length in one chunk. Reading more would make the load the bottleneck.
    if (chunk.length === usualLength && chunk[9] === 0x32 && this.#chunks.length === 0) {
      usual += 1
      if (rate !== undefined) latencies.push(performance.now() - this.#due)
      if (!stopped) this.#onIdle(this)
      return
    }
    this.#chunks.push(chunk)
    const answer = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    const status = completeStatus(answer)
    if (status === undefined) return
    this.#chunks = []
    if (status === '200') usualLength = answer.length
    latencies.push(performance.now() - this.#due)
    statuses[status] = (statuses[status] ?? 0) + 1
    if (!stopped) this.#onIdle(this)
  }
}

/** The status of a complete response. */
function completeStatus(answer: Buffer): string | undefined {
  const headerEnd = answer.indexOf('\r\n\r\n')
  if (headerEnd < 0) return undefined
  const header = answer.toString('latin1', 0, headerEnd)
  const length = Number(/content-length: (\d+)/i.exec(header)?.[1] ?? 0)
  return answer.length >= headerEnd + 4 + length ? header.slice(9, 12) : undefined
}

const begun = performance.now()
const end = begun + seconds * 1000
const open = await Promise.all(Array.from({ length: connections }, openSocket))
const all = rate === undefined ? closedLoop(open) : openLoop(open, rate)
await new Promise((resolve) => setTimeout(resolve, end - performance.now()))
stopped = true
const elapsed = (performance.now() - begun) / 1000
for (const connection of all) connection.end()
const answered = usual + Object.values(statuses).reduce((sum, count) => sum + count, 0)
if (usual > 0) statuses['200'] = (statuses['200'] ?? 0) + usual
latencies.sort((a, b) => a - b)
const at = (share: number) =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
const outcome: Outcome = {
  answered,
  perSecond: answered / elapsed,
  p50: at(0.5),
  p99: at(0.99),
  max: at(1),
  statuses,
  sent: next,
}
process.send?.(outcome, () => process.exit())

/** Each connection sends its next request as soon as it has the response to its last. */
function closedLoop(sockets: Socket[]): Connection[] {
  const sendNext = (connection: Connection) => {
    const request = takeRequest()
    if (request) connection.send(request, performance.now())
  }
  const made = sockets.map((socket) => new Connection(socket, sendNext))
  for (const connection of made) sendNext(connection)
  return made
}

/**
 * Requests are due at a steady rate, whether or not the server keeps up. Waiting for a free connection is part of the
 * latency.
 */
function openLoop(sockets: Socket[], perSecond: number): Connection[] {
  const idle: Connection[] = []
  const overdue: number[] = []
  const onIdle = (connection: Connection) => {
    const due = overdue.shift()
    const request = due === undefined ? undefined : takeRequest()
    if (due !== undefined && request) connection.send(request, due)
    else idle.push(connection)
  }
  const made = sockets.map((socket) => new Connection(socket, onIdle))
  idle.push(...made)
  let due = performance.now()
  const tick = () => {
    for (; due <= performance.now(); due += 1000 / perSecond) {
      // All connections take turns, since the server closes idle ones.
      const connection = idle.shift()
      const request = connection && takeRequest()
      if (connection && request) connection.send(request, due)
      else overdue.push(due)
    }
    if (!stopped) setTimeout(tick, 1)
  }
  tick()
  return made
}

function openSocket(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

function receive(): Promise<Load> {
  return new Promise((resolve) => process.once('message', (load: Load) => resolve(load)))
}
