import { setTimeout as sleep } from 'node:timers/promises'
import { createRemoteJWKSet, errors, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import { posternJson } from '../cli.ts'
import { claimsOf, decodeHeader } from '../forge.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer, until } from '../server-process.ts'
import { fastClock } from './fast-clock.ts'

const ROTATIONS = 10
/** Real milliseconds between two checks of a stream, and between two logins. */
const PAUSE = 5
const LOGIN_PAUSE = 400

/** A token, as a verifier receives it. */
interface Held {
  text: string
  kid: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** Decides whether to admit the request of a token. */
type Check = (token: string) => Promise<boolean>

/** The results of many checks. */
interface Tally {
  admitted: number
  refused: number
}

t.setTimeout(300_000)

/** A check by a running service. A status other than 200 and 401 fails the test. */
function checkAt(url: string): Check {
  return async (token) => {
    const { status } = await fetch(url, { headers: bearer(token) })
    if (status !== 200 && status !== 401) throw new Error(`${url} answered ${status}`)
    return status === 200
  }
}

/**
 * A check by jose, which caches the JWKS for 10 minutes, and refetches it for an unknown key at most every 30 s.
 */
function checkByJose(address: string): Check {
  const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', address))
  return async (token) => {
    try {
      await jwtVerify(token, jwks, { issuer: 'postern', audience: 'postern', typ: 'at+jwt' })
      return true
    } catch (error) {
      if (error instanceof errors.JOSEError) return false
      throw error
    }
  }
}

function pick<Item>(items: Item[]): Item | undefined {
  return items[Math.floor(Math.random() * items.length)]
}

t.test(`no valid token is refused and no invalid one admitted in ${ROTATIONS} rotations`, async (t) => {
  const cwd = t.testdir()
  const issuer = await startServer(t, { cwd, ...fastClock })
  const beside = await startServer(t, { cwd, ...fastClock })
  await postJson(`${issuer.address}/register`, ada)
  const logIn = async (): Promise<Held> => {
    const text = await logInAt(issuer.address, ada)
    return { text, kid: String(decodeHeader(text)['kid']), expiresAt: Number(claimsOf(text)['exp']) * 1000 }
  }

  const good: Held[] = [await logIn()]
  const loggedOut: string[] = []
  const forged: string[] = []
  const unknown: string[] = []
  const { privateKey: foreignKey } = await generateKeyPair('ES256')
  const forge = ({ text }: Held, kid: string) =>
    new SignJWT(claimsOf(text)).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid }).sign(foreignKey)

  const kidsSeen = new Set<string>()
  const kidsAtOnce = new Set<number>()
  const wrong: string[] = []
  const tallies: Record<string, Tally> = {}
  let running = true

  /** Checks tokens one after the other until the end. */
  async function watch(name: string, check: Check, bad: string[]): Promise<void> {
    const tally = { admitted: 0, refused: 0 }
    const badTally = { admitted: 0, refused: 0 }
    tallies[`good tokens by ${name}`] = tally
    tallies[`bad tokens by ${name}`] = badTally
    while (running) {
      const now = Date.now()
      const token = pick(good.filter(({ expiresAt }) => expiresAt > now))
      if (token) {
        if (await check(token.text)) tally.admitted += 1
        // A token that expired during its check may be refused or admitted.
        else if (Date.now() < token.expiresAt) {
          tally.refused += 1
          wrong.push(`${name} refused a token of ${token.kid} at ${new Date().toJSON()}`)
        }
      }
      const badToken = pick(bad)
      if (badToken) {
        if (await check(badToken)) {
          badTally.admitted += 1
          wrong.push(`${name} admitted a bad token at ${new Date().toJSON()}`)
        } else badTally.refused += 1
      }
      await sleep(PAUSE)
    }
  }

  /** Issues tokens, and logs every third one out. */
  async function issue(): Promise<void> {
    for (let count = 1; running; count++) {
      const token = await logIn()
      kidsSeen.add(token.kid)
      if (count % 3 === 0) {
        await fetch(`${issuer.address}/logout`, { method: 'POST', headers: bearer(token.text) })
        loggedOut.push(token.text)
      } else {
        good.push(token)
        forged.push(await forge(token, token.kid))
        unknown.push(await forge(token, `unknown-${count}`))
      }
      kidsAtOnce.add(
        new Set(good.filter(({ expiresAt }) => expiresAt > Date.now()).map(({ kid }) => kid)).size,
      )
      // Drop the oldest, which have expired.
      for (const list of [loggedOut, forged, unknown]) list.splice(0, list.length - 10)
      await sleep(LOGIN_PAUSE)
    }
  }

  const streams = [
    issue(),
    watch('getUser', checkAt(`${issuer.address}/getUser`), loggedOut),
    watch('/verify', checkAt(`${issuer.address}/verify/x`), forged),
    watch('getUser of another process', checkAt(`${beside.address}/getUser`), forged),
    watch('/verify of another process', checkAt(`${beside.address}/verify`), loggedOut),
    watch('jose', checkByJose(issuer.address), forged),
    watch('jose under a flood of unknown kids', checkByJose(beside.address), unknown),
  ]
  // A failing stream ends the test at once.
  const failed = Promise.all(streams).then(() => undefined)

  const kids = [good[0]?.kid]
  const rotateAll = async () => {
    for (let round = 1; round <= ROTATIONS; round++) {
      const [next = {}] = await posternJson(['keys', 'rotate'], { cwd, ...fastClock })
      const { kid = '', state } = next
      t.equal(state, 'published', `rotation ${round}`)
      kids.push(kid)
      await until(() => kidsSeen.has(kid))
    }
    // The lifetime of a token, so that those of the last key but one are checked until they expire.
    const end = Date.now() + 900_000
    await until(() => Date.now() > end)
    running = false
  }
  await Promise.race([rotateAll(), failed])
  await failed

  t.same(wrong, [])
  for (const [name, { admitted, refused }] of Object.entries(tallies)) {
    t.comment(`${name}: ${admitted} admitted, ${refused} refused`)
    const isGood = name.startsWith('good')
    t.ok((isGood ? admitted : refused) > 500, `${name} were checked often enough`)
    t.equal(isGood ? refused : admitted, 0, name)
  }
  t.equal(new Set(kids).size, ROTATIONS + 1)
  t.ok(Math.max(...kidsAtOnce) >= 3, `tokens of ${Math.max(...kidsAtOnce)} keys were valid at once`)
  const response = await fetch(`${issuer.address}/.well-known/jwks.json`)
  const { keys } = (await response.json()) as { keys: { kid: string }[] }
  t.same(
    keys.map(({ kid }) => kid),
    kids.slice(-keys.length),
  )
  t.ok(keys.length < 5, 'former keys are no longer in the JWKS')
})
