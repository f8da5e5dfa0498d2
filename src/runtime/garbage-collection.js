// Keeps what is made for a request in V8's young generation, where it costs nothing to collect (docs/performance.md). A process has one V8, so
// this is for a process of Postern's own. Before anything is compiled: what is kept of that is good for the same flags only.
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--no-allocation-site-pretenuring')
