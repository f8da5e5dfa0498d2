import { createRequire } from 'node:module'

const { version } = createRequire(import.meta.url)('postern/package.json') as { version: string }

/** The version of this package. It imports itself by name, so the path does not depend on where the build is. */
export default version
