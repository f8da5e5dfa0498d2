import { METHODS } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../src/settings/environment.ts'

/** The path of the packed plugin, if the endpoints' tests run against it instead of the standalone server. */
const plugin = process.env['POSTERN_TEST_PLUGIN']

/** The same path as a URL. */
export const packedPlugin = plugin && pathToFileURL(plugin).href

/** Whether the tests run against the packed plugin in a host app, as `npm run test:more -- package` does. */
export const isPacked = plugin !== undefined

/** The prefix of the endpoints in the host app. Tests send requests without it, and the host app adds it. */
export const prefix = process.env['POSTERN_TEST_PREFIX'] ?? ''

/** Whether the host app also has the plugins and handlers of crowd.ts. */
const isCrowded = process.env['POSTERN_TEST_CROWD'] !== undefined

/** Builds a host app around the packed plugin, with the packages that are installed beside it. */
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
  // The other settings are for the standalone process.
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
  // A gateway may call /verify with the method of the original request, so the host app must accept them all.
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
