// Imported before all else by whatever a person starts: a database driver that meets an old Node.js crashes without a word.
import './garbage-collection.js'
import './tick-object.js'
import './compile-cache.js'
import { nodeFault } from './node-version.js'

if (nodeFault) {
  console.error(nodeFault)
  process.exit(1)
}
