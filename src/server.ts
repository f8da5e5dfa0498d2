#!/usr/bin/env node
import './runtime/preload.js'
import closeWithGrace from 'close-with-grace'
import { databasePath } from '../drizzle/url.ts'
import { buildApp } from './app.ts'
import { serveMetrics } from './metrics-server.ts'
import { fitThreadPool } from './runtime/thread-pool.ts'
import { startTracing } from './runtime/tracing.ts'
import { databaseLocation } from './settings/database-location.ts'
import { type Config, loadConfig } from './settings/environment.ts'
import { exposedFiles, secretFiles } from './settings/exposed-files.ts'

/** Milliseconds that requests in flight have to finish when the process stops. */
const GRACE = 10_000

try {
  await fitThreadPool()
  const config = loadConfig()
  const app = await buildApp(config, undefined, await startTracing(process.env))
  for (const { path, mode, to } of exposedFiles(secretFiles(databasePath(config.databaseUrl)))) {
    app.log.warn(
      { path, mode },
      `${to === 'everyone' ? 'everyone' : 'its group'} can access secrets: chmod 600 ${path}`,
    )
  }
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
function greet(address: string, { databaseUrl, docs }: Config, metricsAddress: string | undefined): void {
  console.error(
    [
      '',
      `  Postern is ready at ${address}`,
      ...(docs ? [`  Try it in a browser  ${address}/docs`] : []),
      `  Data                 ${databaseLocation(databaseUrl)}`,
      ...(metricsAddress === undefined ? [] : [`  Metrics              ${metricsAddress}/metrics`]),
      '',
    ].join('\n'),
  )
}
