// What process.nextTick is to call, Node.js describes by an object, and it makes several of them for each request. V8 makes objects of a shape
// that it knows in place. But it forgets the shape when a full collection finds none of these objects, and in a start there are collections
// while no tick is waiting: from then on each of them is made by V8's runtime, which takes six times as long (docs/performance.md). One that is
// kept keeps the shape. A process has one V8, so this is for a process of Postern's own, and before anything is collected.
import { executionAsyncResource } from 'node:async_hooks'

export const kept = []
process.nextTick(() => kept.push(executionAsyncResource()))
