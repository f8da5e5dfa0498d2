import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { ada, assertProblem, createApp, createToken, exchange, parseAnswer, post } from '../helper.ts'

/** Sends a request whose path stays as it is: `inject` would normalise it. */
async function get(app: FastifyInstance, path: string, token: string) {
  const request = `GET ${path} HTTP/1.1\r\nHost: postern\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`
  const answer = parseAnswer(await exchange(app, request))
  return { ...answer, json: () => JSON.parse(answer.body) } as Awaited<ReturnType<FastifyInstance['inject']>>
}

const WRONG = [
  '/verify/../login',
  '/verify/../getUser',
  '/verify/%2e%2e/getUser',
  '/verify/.%2E/getUser',
  '/verify/./getUser',
  '/verify/x/..',
  '/verify/../verify/getUser?x=1',
  '/%67etUser',
  '/getUse%72',
  '/%2ewell-known/jwks.json',
  '/docs/static/../index.html',
  '/docs/static//index.html',
]

/** These lead to no endpoint. */
const NOWHERE = [
  '/./getUser',
  '/x/../getUser',
  '//getUser',
  '/getUser//',
  '/getUser/.',
  '/x%2f..%2fgetUser',
  '/..\\getUser',
]

const RIGHT: Record<string, number> = {
  '/getUser': 200,
  '/getUser?next=//evil/../x%2e': 200,
  '/.well-known/jwks.json': 200,
  '/verify/a//b/%2f/%67?x=/../': 200,
  '/verify/..a/...': 200,
  '/docs/': 200,
  '/...': 404,
}

t.test('refuses a path that is not in its normal form, whatever it leads to', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)

  for (const path of WRONG) {
    const answer = await get(app, path, token)
    assertProblem(t, answer, 'invalid_request', path)
    t.notOk(answer.headers['remote-user'], path)
  }
  for (const path of NOWHERE) assertProblem(t, await get(app, path, token), 'not_found', path)
  for (const [path, status] of Object.entries(RIGHT)) {
    t.equal((await get(app, path, token)).statusCode, status, path)
  }
  t.equal((await post(app, '/register', ada)).statusCode, 409)
})
