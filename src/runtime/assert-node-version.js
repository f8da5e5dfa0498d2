// For a host app, whose process Postern must not end.
import { nodeFault } from './node-version.js'

if (nodeFault) throw new Error(nodeFault)
