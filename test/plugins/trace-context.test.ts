import t from 'tap'
import { collectLog, createApp, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { withoutTable } from '../trouble.ts'

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT_ID = '00f067aa0ba902b7'

/** The log lines that have a request id. */
function linesOf(log: string): Record<string, string>[] {
  const lines = log.trim().split('\n')
  return lines.map((line) => JSON.parse(line)).filter(({ reqId }) => reqId !== undefined)
}

t.test('has the trace id of a request in each of its log lines', async (t) => {
  const settings = await sharedSettings(t)
  const log = collectLog()
  const app = await createApp(t, { ...settings, LOG_LEVEL: 'info' }, log.stream)
  const headers = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` }

  await app.inject({ url: '/healthz', headers })
  await app.inject({ url: '/no/such/path', headers })
  await app.inject({ url: '/%', headers })
  await withoutTable(openBeside(t, settings), 'users', () =>
    post(app, '/login', { email: 'ada@example.com', password: 'something' }, headers),
  )

  const lines = linesOf(log.text())
  t.ok(lines.some(({ msg }) => msg === 'request failed'))
  t.equal(lines.filter(({ msg }) => msg === 'request').length, 4)
  for (const { msg, trace_id } of lines) t.equal(trace_id, TRACE_ID, `${msg}`)
})

t.test('ignores a header that is not valid by the W3C specification', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'info' }, log.stream)
  const malformed = [
    '',
    TRACE_ID,
    `00-${TRACE_ID}-${PARENT_ID}`,
    `00-${TRACE_ID}-${PARENT_ID}-1`,
    `00-${TRACE_ID}-${PARENT_ID}-01-more`,
    `0-${TRACE_ID}-${PARENT_ID}-01`,
    `ff-${TRACE_ID}-${PARENT_ID}-01`,
    `00-${TRACE_ID.toUpperCase()}-${PARENT_ID}-01`,
    `00-${TRACE_ID.slice(1)}-${PARENT_ID}-01`,
    `00-${'0'.repeat(32)}-${PARENT_ID}-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `00-${TRACE_ID}-${PARENT_ID}-01, 00-${TRACE_ID}-${PARENT_ID}-01`,
    `00-${TRACE_ID.slice(8)}"\u001b[31m-${PARENT_ID}-01`,
  ]
  for (const traceparent of malformed) {
    t.equal((await app.inject({ url: '/healthz', headers: { traceparent } })).statusCode, 200)
  }
  await app.inject('/healthz')

  t.equal(linesOf(log.text()).length, malformed.length + 1)
  t.notMatch(log.text(), 'trace_id')
})

t.test('accepts a header of a later version', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'info' }, log.stream)
  for (const traceparent of [`cc-${TRACE_ID}-${PARENT_ID}-01`, `cc-${TRACE_ID}-${PARENT_ID}-01-what-ever`]) {
    await app.inject({ url: '/healthz', headers: { traceparent } })
  }

  t.same(
    linesOf(log.text()).map(({ trace_id }) => trace_id),
    [TRACE_ID, TRACE_ID],
  )
})
