// The same for a host, whose process is not Postern's to end.
import { nodeFault } from './node-version.js'

if (nodeFault) throw new Error(nodeFault)
