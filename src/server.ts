#!/usr/bin/env node
import './node-version.js'
import { resolve } from 'node:path'
import closeWithGrace from 'close-with-grace'
import { databasePath } from '../drizzle/index.ts'
import { buildApp } from './app.ts'
import { type Config, readConfig } from './config.ts'

/** Milliseconds that requests in flight have to finish when the process is told to stop. */
const GRACE = 10_000

try {
  const config = configure()
  const app = await buildApp(config)
  closeWithGrace({ delay: GRACE, logger: false }, async ({ err, signal }) => {
    if (err) app.log.fatal({ type: err.name, stack: err.stack }, 'unexpected fault, stopping')
    else app.log.info({ signal }, 'stopping')
    await app.close()
  })
  greet(await app.listen({ host: config.host, port: config.port }), config)
} catch (error) {
  console.error(`Postern could not start.\n${(error as Error).message}`)
  process.exitCode = 1
}

function configure(): Config {
  try {
    process.loadEnvFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return readConfig(process.env)
}

/** For a person, and on standard error: standard output has the log, for machines. */
function greet(address: string, { databaseUrl }: Config): void {
  const path = databasePath(databaseUrl)
  console.error(
    [
      '',
      `  Postern is ready at ${address}`,
      `  Try it in a browser  ${address}/docs`,
      `  Data                 ${path === null ? 'in memory, gone when it stops' : resolve(path)}`,
      '',
    ].join('\n'),
  )
}
