import { METHODS } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../src/settings/environment.ts'

/** Where the packed plugin is that the endpoints' tests are to run against, in place of the standalone server. */
const plugin = process.env['POSTERN_TEST_PLUGIN']

/** The same as a URL. */
export const packedPlugin = plugin && pathToFileURL(plugin).href

/** Whether the tests run against the packed plugin in somebody's own app: `npm run test:package` does so. */
export const isPacked = plugin !== undefined

/** What stands before the path of each endpoint there. The tests ask without it, and the app adds it to their requests. */
export const prefix = process.env['POSTERN_TEST_PREFIX'] ?? ''

/** Whether that app has all around Postern that an app may have. */
const isCrowded = process.env['POSTERN_TEST_CROWD'] !== undefined

/** An app of its own around the packed plugin, by the packages that have been installed with it. */
export async function buildPackedHost(
  config: Config,
  logStream?: NodeJS.WritableStream,
): Promise<FastifyInstance> {
  if (plugin === undefined) throw new Error('POSTERN_TEST_PLUGIN is not set')
  const { trustProxy, logLevel } = config
  const require = createRequire(plugin)
  const { fastify } = require('fastify') as typeof import('fastify')
  const swagger = require('@fastify/swagger') as typeof import('@fastify/swagger')
  const packed: typeof import('../src/index.ts') = await import(pathToFileURL(plugin).href)
  // The other settings are a process's own.
  const options = Object.fromEntries(
    Object.entries(config).filter(([name]) => Object.hasOwn(packed.OptionsSchema.properties, name)),
  )

  const host: FastifyInstance = fastify({
    logger: { level: logLevel, ...(logStream && { stream: logStream }) },
    trustProxy: trustProxy.length > 0 ? trustProxy : false,
    rewriteUrl: ({ url = '/' }) => (url.startsWith(`${prefix}/`) ? url : prefix + url),
    ...(isCrowded && {
      exposeHeadRoutes: false,
      bodyLimit: 100_000_000,
      ajv: { customOptions: { removeAdditional: 'all', coerceTypes: 'array', useDefaults: true } },
    }),
  })
  // As a host must, whose gateway asks with the method of the request that it asks about.
  const known = new Set<string>([...host.supportedMethods, 'CONNECT'])
  for (const method of METHODS) if (!known.has(method)) host.addHttpMethod(method, { hasBody: true })
  await host.register(swagger.default, { openapi: { openapi: '3.1.0' } })
  if (isCrowded) await (await import('./crowd.ts')).default(host)
  await host.register(async (child) => {
    await child.register(packed.default, { ...options, prefix })
  })
  host.get(`${prefix}/openapi.json`, { schema: { hide: true } }, async (_request, reply) =>
    reply.serializer(JSON.stringify).send(host.swagger()),
  )
  return host
}
