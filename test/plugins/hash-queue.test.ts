import { availableParallelism } from 'node:os'
import t from 'tap'
import { AbandonedError, HashQueue, OverloadedError } from '../../plugins/passwords/hash-queue.ts'

const cores = availableParallelism()

/** Hashes that end when told to. */
function createWork() {
  const ends: (() => void)[] = []
  let begun = 0
  const hash = () => {
    begun += 1
    return new Promise<void>((resolve) => ends.push(resolve))
  }
  return { hash, end: () => ends.shift()?.(), begun: () => begun }
}

t.test('runs as many hashes at once as there are cores, and the others in their turn', async (t) => {
  const queue = new HashQueue(1)
  const work = createWork()
  const all = Array.from({ length: cores + 2 }, () => queue.run(work.hash))
  t.equal(work.begun(), cores)

  for (let ended = 1; ended <= cores + 2; ended++) {
    work.end()
    await all[ended - 1]
    t.equal(work.begun(), Math.min(cores + 2, cores + ended))
  }
})

t.test(
  'refuses at once a hash that would wait too long, and accepts the next when the queue is shorter',
  async (t) => {
    const queue = new HashQueue(1000)
    const work = createWork()
    const accepted: Promise<void>[] = []
    while (queue.expectedWait() <= 3000) accepted.push(queue.run(work.hash))
    await t.rejects(queue.run(work.hash), OverloadedError)
    t.equal(work.begun(), cores, 'nothing was hashed for it')

    for (const job of accepted) {
      work.end()
      await job
    }
    const later = queue.run(work.hash)
    work.end()
    await later
  },
)

t.test('an origin with many hashes delays only its own', async (t) => {
  const queue = new HashQueue(1000)
  const order: string[] = []
  const begin = (origin: string) => {
    const job = queue.run(async () => void order.push(origin), { origin })
    return job.catch((error: unknown) => t.ok(error instanceof OverloadedError))
  }
  const running = createWork()
  const first = Array.from({ length: cores }, () => queue.run(running.hash))
  const flood = Array.from({ length: 4 * cores }, () => begin('flood'))
  t.ok(queue.expectedWait('flood') > 3000, 'an origin with a long queue is refused')
  t.ok(queue.expectedWait('user') < 3000, 'another is not')

  const others = [begin('user'), begin('neighbour'), begin('user')]
  for (const _ of first) running.end()
  await Promise.all([...first, ...flood, ...others])
  t.same(order.slice(0, 6), ['flood', 'user', 'neighbour', 'flood', 'user', 'flood'])
})

t.test('does not hash for a client that disconnected while it waited', async (t) => {
  const queue = new HashQueue(1)
  const work = createWork()
  const running = Array.from({ length: cores }, () => queue.run(work.hash))
  let gone = false
  const waiting = queue.run(work.hash, { isAbandoned: () => gone })
  gone = true
  for (const _ of running) work.end()
  await Promise.all(running)

  await t.rejects(waiting, AbandonedError)
  t.equal(work.begun(), cores)
})

t.test('continues after a hash that fails', async (t) => {
  const queue = new HashQueue(1)
  await t.rejects(
    queue.run(() => Promise.reject(new Error('no hash'))),
    /no hash/,
  )
  t.equal(await queue.run(async () => 'a hash'), 'a hash')
})
