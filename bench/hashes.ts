/** Bare bcrypt on all cores, in a process of its own: hashes per second that the machine can compute. */
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/bcrypt'

const [seconds, cost] = process.argv.slice(2).map(Number) as [number, number]
const hashed = await hash('correct horse battery staple', cost)
const begun = performance.now()
let done = 0
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    while (performance.now() - begun < seconds * 1000) {
      await verify('correct horse battery staple', hashed)
      done += 1
    }
  }),
)
process.send?.((done * 1000) / (performance.now() - begun))
