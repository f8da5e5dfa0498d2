// The same for a host, whose process is not Postern's to end.
import { nodeFault } from './required-node.js'

if (nodeFault) throw new Error(nodeFault)
