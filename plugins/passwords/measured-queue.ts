import type { Metrics } from '../metrics/index.ts'
import { HashQueue } from './hash-queue.ts'

/**
 * Creates a queue with its metrics.
 *
 * @param duration milliseconds that a hash takes, until that has been measured
 */
export function createMeasuredQueue(duration: number, { counter, gauge, histogram }: Metrics): HashQueue {
  gauge({
    name: 'hash_queue_depth',
    help: 'Password hashes that wait for their turn.',
    collect() {
      this.set(queue.waiting)
    },
  })
  gauge({
    name: 'hash_queue_running',
    help: 'Password hashes that run.',
    collect() {
      this.set(queue.running)
    },
  })
  gauge({
    name: 'hash_queue_concurrency',
    help: 'Password hashes that may run at once.',
    collect() {
      this.set(queue.concurrency)
    },
  })
  const waits = histogram({
    name: 'hash_queue_wait_seconds',
    help: 'How long password hashes waited for their turn.',
  })
  const shed = counter({
    name: 'hash_queue_shed_total',
    help: 'Password hashes refused because they would wait too long.',
  })
  const abandoned = counter({
    name: 'hash_queue_abandoned_total',
    help: 'Password hashes whose client disconnected before their turn.',
  })
  const queue = new HashQueue(duration, {
    onStart: (waited) => waits.observe(waited),
    onShed: () => shed.inc(),
    onAbandoned: () => abandoned.inc(),
  })
  return queue
}
