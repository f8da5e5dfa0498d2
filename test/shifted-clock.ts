/**
 * Sets the clock of a process wrong, by the milliseconds in its environment. Preload this module: nothing in it needs
 * to be called. Without that setting, as in a test, the clock is right.
 */
const shift = Number(process.env['CLOCK_SHIFT'] ?? 0)

const RealDate = Date
const now = () => RealDate.now() + shift

if (shift !== 0) {
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, parameters, newTarget) =>
      Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget),
    get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
  })
}

/** The same process, with a clock that is ahead by so many milliseconds; behind, if they are negative. */
export function withClockAhead<Options extends { env?: Record<string, string>; preload?: string[] }>(
  options: Options,
  milliseconds: number,
) {
  return {
    ...options,
    env: { ...options.env, CLOCK_SHIFT: `${milliseconds}` },
    preload: [...(options.preload ?? []), import.meta.url],
  }
}
