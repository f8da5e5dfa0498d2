// What Node.js has compiled once is not compiled again: that is a quarter of a start. It is kept with the package itself, since whoever
// could write there could change the code as well; where the process may not, nothing is kept.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const root = new URL(
  import.meta.url.endsWith('/dist/src/runtime/compile-cache.js') ? '../../../' : '../../',
  import.meta.url,
)

// Node.js 22.1 or newer.
module.enableCompileCache?.(fileURLToPath(new URL('node_modules/.cache/postern', root)))
