import t from 'tap'
import { ada } from '../helper.ts'
import { until } from '../server-process.ts'
import { repeat, standBehind } from './behind.ts'
import { type AskingGateway, askingGateways } from './gateways.ts'

/** Requests after a logout. */
const COUNT = 1000

for (const gateway of Object.keys(askingGateways) as AskingGateway[]) {
  t.test(`${gateway} admits none of ${COUNT} requests after a logout, during other traffic`, async (t) => {
    const { send, received, register, logIn, logOut } = await standBehind(t, gateway)
    await register(ada)
    const token = await logIn()
    const other = await logIn()
    let isLoggedOut = false
    let admittedBefore = 0
    const after = { refused: 0, admitted: 0, others: 0 }

    const traffic = repeat(Number.POSITIVE_INFINITY, async (index) => {
      if (after.refused + after.admitted >= COUNT) return 'enough'
      // Only requests that begin after the response to the logout must be refused.
      const isAfter = isLoggedOut
      if (index % 10 === 0) {
        t.equal((await send({ token: other })).status, 200, 'another token of the same user is still valid')
        return undefined
      }
      const { status } = await send({ token, path: isAfter ? '/after' : '/before' })
      if (!isAfter) admittedBefore += status === 200 ? 1 : 0
      else if (status === 401) after.refused += 1
      else if (status === 200) after.admitted += 1
      else after.others += 1
      return undefined
    })
    await until(() => admittedBefore > 50)
    const { status } = await logOut(token)
    isLoggedOut = true
    await traffic

    t.equal(status, 200)
    t.comment(`${gateway}: ${after.admitted} of ${after.refused} requests after the logout admitted`)
    t.equal(after.admitted, 0)
    t.equal(after.others, 0)
    t.ok(after.refused >= COUNT)
    t.notOk(received.some(({ url }) => url === '/after'))
  })
}
