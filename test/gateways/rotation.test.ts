import t from 'tap'
import { claimsOf, decodeHeader, forge } from '../forge.ts'
import { ada } from '../helper.ts'
import { until } from '../server-process.ts'
import { createStrangeKey, repeat, standBehind } from './behind.ts'
import { type AskingGateway, askingGateways } from './gateways.ts'

/** Requests during the rotation. */
const COUNT = 1000

const kidOf = (token: string) => decodeHeader(token)['kid']

for (const gateway of Object.keys(askingGateways) as AskingGateway[]) {
  t.test(`${gateway} admits all valid tokens and no invalid ones while a key rotates`, async (t) => {
    const deployment = await standBehind(t, gateway)
    const { send, received, register, logIn, command, db } = deployment
    await register(ada)
    const old = await logIn()
    const forged = forge(createStrangeKey(kidOf(old)), claimsOf(old))
    const unknown = forge(createStrangeKey('0'.repeat(24)), claimsOf(old))
    const good = new Set([old])
    const bad = new Set([forged, unknown])
    const wrong = { refused: 0, admitted: 0 }
    const right = { refused: 0, admitted: 0 }
    let isRotated = false

    const traffic = repeat(Number.POSITIVE_INFINITY, async (index) => {
      if (isRotated && right.admitted + right.refused >= COUNT) return 'enough'
      const tokens = index % 3 === 0 ? [...bad] : [...good]
      const token = tokens[index % tokens.length] ?? ''
      const isGood = good.has(token)
      const { status } = await send({ token })
      // A token that became valid or invalid during its check may get either response.
      if (isGood !== good.has(token)) return undefined
      const isRight = status === (isGood ? 200 : 401)
      ;(isRight ? right : wrong)[status === 200 ? 'admitted' : 'refused'] += 1
      return undefined
    })
    const pause = async () => {
      const before = right.admitted
      await until(() => right.admitted > before + 100)
    }

    await pause()
    await command('keys', 'rotate')
    await pause()
    t.equal(kidOf(await logIn()), kidOf(old), 'the next key is only published')
    const [, next] = await deployment.keys()
    await db.run('update signing_keys set activates_at = ? where kid = ?', new Date(), next?.kid)
    const fresh = await logIn()
    t.equal(kidOf(fresh), next?.kid, 'the next key signs')
    good.add(fresh)
    await pause()
    // While the command runs, the old key's tokens may be valid or invalid.
    good.delete(old)
    await command('keys', 'retire', `${kidOf(old)}`)
    bad.add(old)
    await pause()
    isRotated = true
    await traffic

    t.comment(gateway, { right, wrong })
    t.same(wrong, { refused: 0, admitted: 0 })
    t.ok(right.refused > 100, 'enough invalid tokens were sent')
    t.equal((await send({ token: old })).status, 401)
    t.equal((await send({ token: fresh })).status, 200)
    t.ok(received.length >= right.admitted)
  })
}
