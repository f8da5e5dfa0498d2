// Node.js creates an object for each call of process.nextTick, several for each request. V8 creates objects of a known
// shape inline. But it forgets the shape when a full garbage collection finds no such object, as happens during a
// start: from then on V8's runtime creates each of them, which takes six times as long (docs/performance.md). Keeping
// one object keeps the shape. This affects the whole process, so only Postern's own programs import it, before the
// first collection.
import { executionAsyncResource } from 'node:async_hooks'

export const kept = []
process.nextTick(() => kept.push(executionAsyncResource()))
