/**
 * Makes the clock of a process run fast, from an instant that all processes share, so that hours pass in minutes with
 * the real settings. Timers are unchanged. Preload this module: nothing in it needs to be
 * called.
 */
const RATE = 60

const RealDate = Date
// Child processes inherit it.
process.env['FAST_CLOCK_START'] ??= `${RealDate.now()}`
const start = Number(process.env['FAST_CLOCK_START'])
const now = () => Math.floor(start + (RealDate.now() - start) * RATE)

globalThis.Date = new Proxy(RealDate, {
  construct: (target, parameters, newTarget) =>
    Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget),
  get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
})

/** The options that start another process with the same clock. */
export const fastClock = {
  preload: [import.meta.url],
  env: { FAST_CLOCK_START: `${start}` },
}
