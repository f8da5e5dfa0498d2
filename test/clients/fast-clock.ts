/**
 * Makes the clock of a process run fast, from an instant that all processes share: what takes hours passes in minutes,
 * with the real settings. Timers are as they were. Runs before anything else, on its own: nothing in it is
 * called.
 */
const RATE = 60

const RealDate = Date
// Handed down to the processes that this one starts.
process.env['FAST_CLOCK_START'] ??= `${RealDate.now()}`
const start = Number(process.env['FAST_CLOCK_START'])
const now = () => Math.floor(start + (RealDate.now() - start) * RATE)

globalThis.Date = new Proxy(RealDate, {
  construct: (target, parameters, newTarget) =>
    Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget),
  get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
})

/** How another process is started by the same clock. */
export const fastClock = {
  preload: [import.meta.url],
  env: { FAST_CLOCK_START: `${start}` },
}
