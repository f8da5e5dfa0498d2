/**
 * A host app that uses all exports. `test/package/host.test.ts` compiles it, against the packed types, and runs
 * it.
 */
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Pool } from 'pg'
import postern, {
  type ActionContext,
  type Auth,
  type Authenticate,
  type Credentials,
  type Hooks,
  InvalidOptionsError,
  type Login,
  LoginBodySchema,
  migrate,
  type NewAccount,
  OptionsSchema,
  type Postern,
  type PosternOptions,
  type PostgresPool,
  type Problem,
  type ProblemCode,
  RegisterBodySchema,
  type SqliteHandle,
  type User,
  UserSchema,
} from 'postern'

const hooks: Hooks = {
  async beforeRegister({ email, name, request }) {
    const from: FastifyRequest | undefined = request
    if (email.endsWith('.invalid') || name === 'root')
      throw Object.assign(new Error('No'), { statusCode: 403, from })
  },
  onLoggedIn: ({ user, tokenId }) => void ([user.id, tokenId] satisfies string[]),
  onLoginFailed({ reason, userId }) {
    const known: 'unknown_email' | 'wrong_password' | 'account_disabled' | 'vetoed' = reason
    void [known, userId]
  },
}

const options: PosternOptions = { ...hooks, prefix: '/auth', bcryptCost: 10, algorithm: 'ES256' }
const app: FastifyInstance = fastify()
await app.register(postern, options)
await app.register(async (child) => {
  await child.register(postern, { prefix: '/other', logLevel: 'silent', issuer: 'https://other.example.com' })
})

app.get('/me', { onRequest: app.authenticate }, async ({ auth }) => auth?.email)
app.get('/either', { preHandler: [app.authenticate.optional] }, async (request) => request.auth === null)
app.route<{ Params: { id: string }; Body: { text: string }; Reply: string }>({
  method: 'PUT',
  url: '/notes/:id',
  onRequest: app.authenticate,
  handler: async (request) => `${request.params.id} ${request.body.text} ${request.auth?.tokenId}`,
})
app.addHook('onRequest', async (request: FastifyRequest) => {
  const auth: Auth | null = request.auth
  void auth
})
app.setErrorHandler<Problem>((error, _request, reply) => {
  const code: ProblemCode = error.code
  return reply.code(error.statusCode).headers(error.headers).send({ code })
})

const secure = fastify({ https: {} })
await secure.register(postern)
secure.get('/me', { onRequest: secure.authenticate }, async ({ auth }) => auth?.userId)

// Names that Postern does not export, and those that its plugins add to their own apps.
type Names = keyof FastifyInstance | keyof FastifyRequest
type Hidden =
  | 'database'
  | 'tokens'
  | 'passwords'
  | 'accounts'
  | 'signingKeys'
  | 'hooks'
  | 'problem'
  | 'checkToken'
  | 'authenticateForGateway'
  | 'authenticateIssued'
  | 'clients'
  | 'openapi'
  | 'http'
  | 'jwt'
  | 'jwtVerify'
  | 'httpErrors'
  | 'swagger'
  | 'user'
const nothing: Extract<Names, Hidden> extends never ? true : false = true
const three: 'authenticate' | 'postern' | 'auth' extends Names ? true : false = true

const guard: Authenticate = app.authenticate
const service: Postern = app.postern
const account: NewAccount = { email: 'ada@example.com', password: 'correct horse battery staple' }
const credentials: Credentials = account
const context: ActionContext = {}
const user: User = await service.register(account, context)
const login: Login = await service.login(credentials)
const headers = { authorization: `Bearer ${login.accessToken}` }
const opened: SqliteHandle | undefined = undefined
if (opened) migrate(opened, { tablePrefix: 'auth_' })
const connect = async (pool: Pool) => {
  const database: PostgresPool = pool
  await migrate(pool, { databaseSchema: 'auth' })
  await app.register(postern, { database, databaseSchema: 'auth', secretKey: 'x'.repeat(32), migrate: false })
}
void connect
for (const schema of [OptionsSchema, RegisterBodySchema, LoginBodySchema, UserSchema]) {
  if (schema.type !== 'object') throw new InvalidOptionsError('not an object')
}
if (!nothing || !three || typeof guard !== 'function') throw new Error('The names are not as they should be')
if ((await service.findUser({ id: user.id }))?.disabledAt !== null) throw new Error('The user is disabled')

console.log((await app.inject({ url: '/me', headers })).body)
await Promise.all([app, secure].map((host) => host.close()))
