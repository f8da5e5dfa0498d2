// The first import of every program: on an old Node.js, the database driver would crash without a message.
import './garbage-collection.js'
import './tick-object.js'
import './compile-cache.js'
import { nodeFault } from './node-version.js'

if (nodeFault) {
  console.error(nodeFault)
  process.exit(1)
}
