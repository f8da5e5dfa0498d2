import { createRequire } from 'node:module'

const { version } = createRequire(import.meta.url)('postern/package.json') as { version: string }

/** The version of this package, which finds itself by its name, wherever its files lie. */
export default version
