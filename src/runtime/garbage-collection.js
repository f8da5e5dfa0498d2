// Keeps the objects of a request in V8's young generation, where they cost nothing to collect (docs/performance.md).
// This affects the whole process, so only Postern's own programs import it. It must run before anything is compiled:
// cached code is valid only for the same flags.
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--no-allocation-site-pretenuring')
