#!/usr/bin/env node
import './runtime/preload.js'

// Imported after the check of the version: an older Node.js may not be able to parse it.
await import('./commands/index.ts')
