#!/usr/bin/env node
import './runtime/preload.js'
import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.ts'
import { serveMetrics } from './metrics-server.ts'
import { fitThreadPool } from './runtime/thread-pool.ts'
import { startTracing } from './runtime/tracing.ts'
import { databaseLocation } from './settings/database-location.ts'
import { type Config, loadConfig } from './settings/environment.ts'

/** Milliseconds that requests in flight have to finish when the process stops. */
const GRACE = 10_000

try {
  await fitThreadPool()
  const config = loadConfig()
  const app = await buildApp(config, undefined, await startTracing(process.env))
  // Without `beforeExit`: an event loop that runs empty means that the start failed, which the exit code says.
  const delay = config.shutdownDelaySeconds * 1000
  closeWithGrace({ delay: delay + GRACE, logger: false, skip: ['beforeExit'] }, async ({ err, signal }) => {
    if (signal) {
      app.log.info({ signal }, 'stopping')
      await app.http.drain(delay)
    } else {
      app.log.fatal({ type: err?.name, stack: err?.stack }, 'unexpected error, stopping')
    }
    await app.close()
    // A promise may be rejected with undefined: thrown again, that still sets the exit code.
    if (!signal) throw err
  })
  try {
    const metricsAddress = await serveMetrics(app, config)
    greet(await app.listen({ host: config.host, port: config.port }), config, metricsAddress)
  } catch (error) {
    await app.close()
    throw error
  }
} catch (error) {
  console.error(`Postern could not start.\n${(error as Error).message}`)
  process.exitCode = 1
}

/** Greets a person on standard error: standard output is the log. */
function greet(address: string, { databaseUrl }: Config, metricsAddress: string | undefined): void {
  console.error(
    [
      '',
      `  Postern is ready at ${address}`,
      `  Try it in a browser  ${address}/docs`,
      `  Data                 ${databaseLocation(databaseUrl)}`,
      ...(metricsAddress === undefined ? [] : [`  Metrics              ${metricsAddress}/metrics`]),
      '',
    ].join('\n'),
  )
}
