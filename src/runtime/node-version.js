// JavaScript without imports, so that an old Node.js can run it.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

/** Why this Node.js is too old, as a sentence; undefined if it is not. */
export const nodeFault =
  major < 22 || (major === 22 && minor < 18)
    ? `Postern needs Node.js 22.18 or newer; this is ${process.versions.node}.`
    : undefined
