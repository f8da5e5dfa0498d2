import { setFlagsFromString } from 'node:v8'

/**
 * Keeps what is made for a request in V8's young generation, where it costs nothing to collect.
 *
 * V8 watches which places in the code make objects that live long, and from then on makes theirs in the old generation at once
 * ("allocation site pretenuring"). While a process starts nearly everything lives long, so places that serve requests are among
 * them; and each of their objects, once dead in the old generation, keeps alive whatever young ones it points to. Then a third of
 * the event loop's time goes to collecting, and the heap grows to several times its size.
 *
 * A process has one V8, so this is for a process of Postern's own. To start Node.js with `--no-allocation-site-pretenuring` does the
 * same.
 */
export function keepRequestsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
