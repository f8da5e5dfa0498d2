// JavaScript, and importing nothing, so that a Node.js too old for the rest still understands it.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

/** What is wrong with this Node.js, as a sentence; undefined where nothing is. */
export const nodeFault =
  major < 22 || (major === 22 && minor < 18)
    ? `Postern needs Node.js 22.18 or newer; this is ${process.versions.node}.`
    : undefined
