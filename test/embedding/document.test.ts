import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import swagger, { type SwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { CHEAP, createHost, postern } from './host.ts'

/** The parts of an OpenAPI document that these tests look at. */
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; securitySchemes: Record<string, unknown> }
}

interface Operation {
  operationId?: string
  security?: Record<string, unknown>[]
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { content?: Record<string, { schema: { properties: object } }> }>
}

/** The document of a host app whose schemas have the same names as Postern's. */
async function documentOf(
  t: Test,
  options: SwaggerOptions,
  register: (host: FastifyInstance) => Promise<void>,
): Promise<Document> {
  const host = createHost(t)
  await host.register(swagger, options)
  host.addSchema({ $id: 'User', type: 'object', properties: { shoeSize: { type: 'number' } } })
  await register(host)
  const response = { 200: { description: 'Somebody', $ref: 'User#' } }
  host.get(
    '/people',
    { schema: { operationId: 'people', summary: 'People', security: [], response } },
    async () => ({}),
  )
  await host.ready()
  return host.swagger() as unknown as Document
}

const withPostern = async (host: FastifyInstance) => {
  await host.register(postern, { ...CHEAP, prefix: '/auth' })
}

const info = { title: 'The host’s', version: '1.0.0', license: { name: 'MIT', identifier: 'MIT' } }
const hostSchemes = { bearer: { type: 'apiKey', in: 'header', name: 'x-api-key' } } as const
const openapi = {
  openapi: '3.1.0',
  info,
  servers: [{ url: 'https://app.example.com' }],
  components: { securitySchemes: hostSchemes, schemas: { Thing: { type: 'string' as const } } },
}

t.test('a host’s document has the endpoints under the prefix', async (t) => {
  const { paths } = await documentOf(t, { openapi }, withPostern)

  const ours = Object.keys(paths).filter((path) => path !== '/people')
  t.ok(ours.every((path) => path.startsWith('/auth/')))
  for (const path of ['/auth/register', '/auth/login', '/auth/getUser', '/auth/logout', '/auth/verify']) {
    t.ok(ours.includes(path), path)
  }
  t.equal(paths['/auth/register']?.['post']?.operationId, 'register')
  const { requestBody, responses } = paths['/auth/login']?.['post'] ?? {}
  t.same(Object.keys(requestBody?.content ?? {}), ['application/json', 'application/x-www-form-urlencoded'])
  const problem = responses?.['401']?.content?.['application/problem+json']?.schema.properties ?? {}
  t.same(Object.keys(problem), ['type', 'title', 'status', 'detail', 'code', 'error', 'errors'])
})

t.test('a host’s document keeps its own names', async (t) => {
  for (const options of [
    { openapi },
    { openapi, refResolver: { buildLocalReference: (json: Record<string, unknown>) => String(json['$id']) } },
  ] as SwaggerOptions[]) {
    const without = await documentOf(t, options, async () => {})
    const document = await documentOf(t, options, withPostern)

    t.strictSame(document.components.schemas, without.components.schemas)
    t.strictSame(document.paths['/people'], without.paths['/people'])
    t.match(document.components.securitySchemes, hostSchemes)
  }
})

t.test('a host’s document has the security schemes of the endpoints without further options', async (t) => {
  const { paths, components } = await documentOf(t, { openapi: { openapi: '3.1.0', info } }, withPostern)

  t.same(paths['/auth/getUser']?.['get']?.security, [
    { 'postern-auth-bearer': [] },
    { 'postern-auth-password': [] },
  ])
  t.match(components.securitySchemes, {
    'postern-auth-bearer': { type: 'http', scheme: 'bearer' },
    'postern-auth-password': { flows: { password: { tokenUrl: '/auth/login' } } },
    'postern-auth-client': { type: 'http', scheme: 'basic' },
  })
  t.same(paths['/auth/login']?.['post']?.security, [])
})

t.test('a host’s document distinguishes two Posterns', async (t) => {
  const { paths, components } = await documentOf(t, { openapi }, async (host) => {
    for (const prefix of ['/staff', '/customers']) {
      await host.register(async (child) => {
        await child.register(postern, { ...CHEAP, prefix })
      })
    }
  })
  t.match(paths['/staff/getUser']?.['get']?.security, [{ 'postern-staff-bearer': [] }, {}])
  t.match(paths['/customers/getUser']?.['get']?.security, [{ 'postern-customers-bearer': [] }, {}])
  t.equal(Object.keys(components.securitySchemes).length, 7)
})

t.test('a host’s transform is not called for Postern’s schemas', async (t) => {
  const asked: string[] = []
  const transform: SwaggerOptions = {
    openapi,
    transform: ({ schema, url }) => {
      asked.push(url)
      return { schema, url }
    },
  }
  await documentOf(t, transform, withPostern)
  t.same(asked, ['/people'])
})

t.test('a host’s document may be OpenAPI 3.0 or Swagger 2', async (t) => {
  for (const options of [{ openapi: { info } }, { swagger: { info } }, {}] as SwaggerOptions[]) {
    const { paths } = await documentOf(t, options, withPostern)
    t.ok(paths['/auth/getUser']?.['get'])
  }
})

t.test('a host’s document is valid', async (t) => {
  const cwd = t.testdir()
  for (const version of ['3.0.3', '3.1.0']) {
    const document = await documentOf(
      t,
      {
        openapi: {
          ...openapi,
          openapi: version,
          info: { ...info, license: { name: 'MIT', url: 'https://mit.example.com' } },
        },
      },
      withPostern,
    )
    writeFileSync(join(cwd, 'openapi.json'), JSON.stringify(document))
    const redocly = new URL('../../node_modules/@redocly/cli/bin/cli.js', import.meta.url).pathname
    const lint = [redocly, 'lint', '--extends=minimal', '--format=json', 'openapi.json']
    const { stdout } = await promisify(execFile)(process.execPath, lint, {
      cwd,
      env: { REDOCLY_TELEMETRY: 'off' },
    }).catch((error) => error)
    t.match(JSON.parse(stdout).totals, { errors: 0 }, `${version}: ${stdout}`)
  }
})
