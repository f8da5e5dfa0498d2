#!/usr/bin/env node
import './runtime/preload.js'

// Afterwards, since a Node.js that is too old may not even be able to parse it.
await import('./commands/index.ts')
