import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import {
  type Answer,
  ada,
  assertProblem,
  collectLog,
  createApp,
  createToken,
  exchange,
  parseAnswer,
} from '../helper.ts'

const MALFORMED = 'Bearer error="invalid_token", error_description="The Authorization header is malformed"'

function getUser(app: FastifyInstance, authorization: string): Promise<Answer> {
  return app.inject({ url: '/getUser', headers: { authorization } })
}

function assertRefused(t: Test, answer: Answer, about?: string): void {
  assertProblem(t, answer, 'invalid_token', about)
  t.match(answer.headers['www-authenticate'], /^Bearer error="invalid_token", error_description="[^"]+"$/)
  t.equal(answer.headers['cache-control'], 'no-store')
}

t.test('accepts the scheme in any case, with any number of spaces after it', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)

  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR', 'Bearer  ', 'bearer    ']) {
    t.equal((await getUser(app, `${scheme} ${token}`)).statusCode, 200, `"${scheme}"`)
  }
})

t.test('asks for a bearer token if the header has another scheme', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
  const token = await createToken(app)

  for (const authorization of [
    '',
    ' ',
    token,
    ` ${token}`,
    `Basic ${token}`,
    `Basic ${Buffer.from(`${ada.email}:${ada.password}`).toString('base64')}`,
    `Token ${token}`,
    `DPoP ${token}`,
    `Basic x, Bearer ${token}`,
    `BearerX ${token}`,
    `XBearer ${token}`,
    `"Bearer" ${token}`,
  ]) {
    const answer = await getUser(app, authorization)
    assertProblem(t, answer, 'authentication_required', authorization.slice(0, 12))
    t.equal(answer.headers['www-authenticate'], 'Bearer')
    t.equal(answer.headers['cache-control'], 'no-store')
  }
  t.notMatch(log.text(), token)
})

t.test('refuses a bearer token that does not have the form of RFC 6750', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
  const token = await createToken(app)

  for (const authorization of [
    'Bearer',
    'Bearer ',
    'Bearer    ',
    `Bearer\t${token}`,
    `Bearer \t${token}`,
    `Bearer:${token}`,
    `Bearer=${token}`,
    `Bearer ${token} ${token}`,
    `Bearer ${token},${token}`,
    `Bearer ${token}, Bearer ${token}`,
    `Bearer ${token};`,
    `Bearer "${token}"`,
    `Bearer <${token}>`,
    `Bearer token=${token}`,
    `Bearer ${token}\u00e9`,
    `Bearer ${token.replace('.', '%2E')}`,
    `Bearer ${token.replace('.', ' . ')}`,
    'Bearer =',
    'Bearer ===',
    'Bearer 🔑',
  ]) {
    const answer = await getUser(app, authorization)
    assertProblem(t, answer, 'invalid_token', authorization.replaceAll(token, '…'))
    t.equal(answer.headers['www-authenticate'], MALFORMED)
  }
  t.notMatch(log.text(), token)
})

t.test('refuses text that only looks like a token', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const [header = '', claims = '', signature = ''] = token.split('.')

  for (const fake of [
    'x',
    '.',
    '..',
    '...',
    'null',
    '-----',
    header,
    `${header}.`,
    `${header}..`,
    `${header}.${claims}`,
    `${header}.${claims}.`,
    `${header}..${signature}`,
    `.${claims}.${signature}`,
    `${header}.${claims}.${signature}.`,
    `${header}.${claims}.${signature}.${signature}`,
    `.${token}`,
    `${header}.${claims}.${signature}${signature}`,
    `${header}.${claims}.${signature.slice(0, -2)}`,
    `${header}.${claims}.AA${signature}`,
    `${header}.${header}.${signature}`,
    `${claims}.${header}.${signature}`,
    'e30.e30.e30',
    'bnVsbA.bnVsbA.bnVsbA',
    'W10.W10.W10',
    'A'.repeat(65_536),
    `${header}.${'A'.repeat(65_536)}.${signature}`,
  ]) {
    assertRefused(t, await getUser(app, `Bearer ${fake}`), `${fake.length} characters`)
  }
})

t.test('refuses two Authorization headers in any order', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const request = (...values: string[]) =>
    ['GET /getUser HTTP/1.1', 'Host: postern', 'Connection: close']
      .concat(values.map((value) => `Authorization: ${value}`))
      .join('\r\n')
      .concat('\r\n\r\n')

  t.equal(parseAnswer(await exchange(app, request(`Bearer ${token}`))).statusCode, 200)
  const padded = await exchange(app, request(`Bearer ${token}  `))
  t.equal(parseAnswer(padded).statusCode, 200, 'trailing spaces are not part of the token')
  for (const values of [
    [`Bearer ${token}`, `Bearer ${token}`],
    [`Bearer ${token}`, 'Bearer x'],
    ['Bearer x', `Bearer ${token}`],
    ['Basic eDp5', `Bearer ${token}`],
    [`Bearer ${token}`, 'Basic eDp5'],
    ['', `Bearer ${token}`],
  ]) {
    const answer = parseAnswer(await exchange(app, request(...values)))
    t.equal(answer.statusCode, 401, values.join().replaceAll(token, '…'))
    t.match(answer.headers['www-authenticate'], /^Bearer/)
    t.notMatch(answer.body, ada.email)
  }
})
