// JavaScript, and imported before all else, so that a Node.js too old for the rest still understands it.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`Postern needs Node.js 22.18 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}
