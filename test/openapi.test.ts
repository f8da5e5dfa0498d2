import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t, { type Test } from 'tap'
import { validate as isUuid } from 'uuid'
import { isEmailAddress } from '../plugins/accounts/email.ts'
import { problems } from '../plugins/problem/codes.ts'
import { createApp } from './helper.ts'

const REDOCLY = fileURLToPath(new URL('../node_modules/@redocly/cli/bin/cli.js', import.meta.url))

/** Statuses that any operation can have when the process or its database fails. */
const SERVER_ERRORS = ['500', '503']

const ENDPOINTS = ['register', 'login', 'logout', 'logoutByGet', 'getUser']

interface Operation {
  operationId: string
  security: object[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { headers: object; content: Record<string, Media> }>
}

interface Media {
  schema: object
  examples?: Record<string, { value: { code: keyof typeof problems } }>
}

async function getDocument(t: Test) {
  const app = await createApp(t)
  const response = await app.inject('/openapi.json')
  t.equal(response.statusCode, 200)
  t.match(response.headers['content-type'], /^application\/json/)
  return { text: response.body, document: response.json() }
}

async function getOperations(t: Test): Promise<Record<string, Operation>> {
  const { document } = await getDocument(t)
  const operations = Object.values<Record<string, Operation>>(document.paths).flatMap((path) =>
    Object.values(path),
  )
  return Object.fromEntries(operations.map((operation) => [operation.operationId, operation]))
}

t.test('the document passes the recommended lint rules', async (t) => {
  const { text } = await getDocument(t)
  const directory = t.testdir({ 'openapi.json': text })

  const { stdout } = await promisify(execFile)(
    process.execPath,
    [REDOCLY, 'lint', '--extends', 'recommended', '--format', 'json', 'openapi.json'],
    {
      cwd: directory,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    },
  ).catch((failure: { stdout: string }) => failure)

  const report = JSON.parse(stdout)
  t.same(report.problems, [])
  t.same(report.totals, { errors: 0, warnings: 0, ignored: 0 })
})

t.test(
  'the document is OpenAPI 3.1, and its operations have the names that generated clients use',
  async (t) => {
    const { document } = await getDocument(t)

    t.match(document.openapi, /^3\.1\./)
    t.match(document.paths, {
      '/register': { post: { operationId: 'register' } },
      '/login': { post: { operationId: 'login' } },
      '/getUser': { get: { operationId: 'getUser' } },
      '/logout': { post: { operationId: 'logout' }, get: { operationId: 'logoutByGet' } },
    })
  },
)

t.test('a client can send a token it has, or get one by the OAuth 2 password flow', async (t) => {
  const { document } = await getDocument(t)

  t.match(document.components.securitySchemes, {
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    password: { type: 'oauth2', flows: { password: { tokenUrl: '/login', scopes: {} } } },
  })
})

t.test('each operation says whether it needs a token', async (t) => {
  const operations = await getOperations(t)

  const token = [{ bearer: [] }, { password: [] }]
  for (const name of ['getUser', 'logout', 'logoutByGet']) t.same(operations[name]?.security, token, name)
  for (const name of ['register', 'login']) t.same(operations[name]?.security, [], name)
})

t.test('login takes JSON, and the form of OAuth 2', async (t) => {
  const { login } = await getOperations(t)
  const content = login?.requestBody?.content ?? {}

  t.same(Object.keys(content), ['application/json', 'application/x-www-form-urlencoded'])
  t.match(content['application/json'], { schema: { required: ['email', 'password'] } })
  t.match(content['application/x-www-form-urlencoded'], {
    schema: { required: ['username', 'password'], properties: { grant_type: { enum: ['password'] } } },
  })
})

t.test('the four endpoints list every status that they can respond with', async (t) => {
  const operations = await getOperations(t)

  const statuses = Object.fromEntries(
    Object.entries(operations).map(([name, { responses }]) => [name, Object.keys(responses)]),
  )
  t.match(statuses, {
    register: ['201', '400', '403', '409', '413', '415', '429', ...SERVER_ERRORS],
    login: ['200', '400', '401', '403', '413', '415', '429', ...SERVER_ERRORS],
    logout: ['200', '401', '415', ...SERVER_ERRORS],
    logoutByGet: ['200', '401', ...SERVER_ERRORS],
    getUser: ['200', '401', ...SERVER_ERRORS],
  })
})

t.test('each of their errors is a problem, with an example of each code', async (t) => {
  const operations = await getOperations(t)
  const errors = ENDPOINTS.flatMap((operationId) =>
    Object.entries(operations[operationId]?.responses ?? {})
      .filter(([status]) => Number(status) >= 400)
      .map(([status, response]) => ({
        name: `${operationId} ${status}`,
        status: Number(status),
        ...response,
      })),
  )

  t.ok(errors.length > 20, `${errors.length} errors`)
  for (const { name, status, content, headers } of errors) {
    t.ok('Cache-Control' in headers, `${name} must not be cached`)
    t.equal('WWW-Authenticate' in headers, status === 401, `${name}: a challenge`)
    t.equal('Retry-After' in headers, status === 429 || status === 503, `${name}: when to retry`)
    t.equal('RateLimit' in headers, status === 429, `${name}: a limit`)
    t.same(Object.keys(content), ['application/problem+json'], name)
    const examples = Object.entries(content['application/problem+json']?.examples ?? {})
    t.not(examples.length, 0, `${name} has an example`)
    for (const [code, { value }] of examples) {
      t.equal(value.code, code)
      t.equal(problems[value.code].status, status, `${name}: ${code}`)
    }
  }
})

t.test('every example in the document is valid by its schema', async (t) => {
  const { document } = await getDocument(t)
  const ajv = new Ajv2020({
    formats: {
      email: isEmailAddress,
      uuid: isUuid,
      password: true,
      'date-time': (text) => new Date(text).toJSON() === text,
      'uri-reference': (text) => URL.canParse(text, 'http://localhost/'),
    },
  })
  // The document that contains the schemas is not a schema itself.
  ajv.addVocabulary(Object.keys(document))
  ajv.addSchema(document, 'openapi')

  const examples = [...findExamples(document)]

  t.ok(examples.length > 40, `${examples.length} examples`)
  for (const { schema, value } of examples) {
    const validate = ajv.compile({ $ref: `openapi#${schema}` })
    t.ok(validate(value), `${JSON.stringify(value)} at ${schema} ${ajv.errorsText(validate.errors)}`)
  }
})

t.test('every field of every body has an example or a description', async (t) => {
  const { document } = await getDocument(t)
  for (const { schema, keywords } of findFields(document)) {
    t.ok(
      ['examples', 'enum', 'description', 'items'].some((keyword) => keyword in keywords),
      `${schema} has an example or a description`,
    )
  }
})

t.test('the document does not mention the password hash', async (t) => {
  const { text } = await getDocument(t)
  t.notMatch(text, /hash/i)
})

/** Every example, with a JSON Pointer to the schema that it illustrates. */
function* findExamples(node: unknown, pointer = ''): Generator<{ schema: string; value: unknown }> {
  if (typeof node !== 'object' || node === null) return
  if ('examples' in node) {
    const { examples } = node
    if (Array.isArray(examples)) for (const value of examples) yield { schema: pointer, value }
    else {
      for (const { value } of Object.values(examples as Record<string, { value: unknown }>)) {
        yield { schema: `${pointer}/schema`, value }
      }
    }
  }
  if ('example' in node)
    yield { schema: 'schema' in node ? `${pointer}/schema` : pointer, value: node.example }
  for (const [key, child] of Object.entries(node))
    yield* findExamples(child, `${pointer}/${pointerPart(key)}`)
}

/** Every property of every schema. */
function* findFields(node: unknown, pointer = ''): Generator<{ schema: string; keywords: object }> {
  if (typeof node !== 'object' || node === null) return
  if ('properties' in node) {
    for (const [name, keywords] of Object.entries(node.properties as Record<string, object>)) {
      yield { schema: `${pointer}/properties/${pointerPart(name)}`, keywords }
    }
  }
  for (const [key, child] of Object.entries(node)) yield* findFields(child, `${pointer}/${pointerPart(key)}`)
}

function pointerPart(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))
}
