import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { FASTAPI_ALGORITHM } from '../../plugins/signing-keys/fastapi.ts'
import { createSealer } from '../../plugins/signing-keys/sealing.ts'
import { buildApp } from '../../src/app.ts'
import { FASTAPI_SECRET } from '../fastapi.ts'
import { claimsOf, decodeHeader, forge, type StolenKey, sealAsBefore, stealKeys } from '../forge.ts'
import { bearer, createApp, createConfig, createToken } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

/** A pair of keys that the deployment does not know, in PEM. */
function createForeignPair(): Record<'publicKey' | 'privateKey', string> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** A deployment, and an attacker who can write its database, but does not have its SECRET_KEY. */
async function setScene(t: Test, { ALGORITHM = 'ES256', sealed = 'now' } = {}) {
  const settings = { ...(await sharedSettings(t)), ALGORITHM }
  const app = await createApp(t, settings)
  const token = await createToken(app)
  const db = openBeside(t, settings)
  const [key] = await stealKeys(db, settings.SECRET_KEY)
  if (!key) throw new Error('There is no key')
  const set = (column: string, value: unknown) => db.run(`update signing_keys set ${column} = ?`, value)
  if (sealed === 'before') await set('sealed_private_key', sealAsBefore(settings.SECRET_KEY, key))
  const start = async () => await buildApp(createConfig(settings))
  return { settings, app, token, db, key, set, start }
}

for (const sealed of ['now', 'before']) {
  t.test(`does not start with a public key that was exchanged, sealed as ${sealed}`, async (t) => {
    const { app, token, key, set, start } = await setScene(t, { sealed })
    const attacker = createForeignPair()
    const forged = forge({ ...key, privateKey: attacker.privateKey }, claimsOf(token))
    const { keys } = (await app.inject('/.well-known/jwks.json')).json()

    await set('public_key', attacker.publicKey)

    await t.rejects(start(), { name: 'WrongSecretKeyError' })
    for (const [each, status] of [
      [token, 200],
      [forged, 401],
    ] as const) {
      t.equal((await app.inject({ url: '/getUser', headers: bearer(each) })).statusCode, status)
    }
    t.same((await app.inject('/.well-known/jwks.json')).json(), { keys }, 'what was sealed is published')
  })

  for (const [column, value] of [
    ['algorithm', 'EdDSA'],
    ['algorithm', 'RS256'],
    ['algorithm', 'unknown'],
    ['public_key', null],
    ['public_key', 'nonsense'],
    ['kid', 'another'],
  ] as const) {
    t.test(`does not start with the ${column} ${value}, sealed as ${sealed}`, async (t) => {
      const { set, start } = await setScene(t, { sealed })

      await set(column, value)

      await t.rejects(start(), { name: 'WrongSecretKeyError' })
    })
  }

  t.test(`the secret of a FastAPI application does not sign as Postern, sealed as ${sealed}`, async (t) => {
    const { settings, key, set, start } = await setScene(t, { ALGORITHM: 'HS256' })
    const foreign: StolenKey = {
      kid: 'fastapi-0123456789abcdef',
      algorithm: FASTAPI_ALGORITHM,
      publicKey: null,
      privateKey: FASTAPI_SECRET,
    }
    await set('kid', foreign.kid)
    await set(
      'sealed_private_key',
      sealed === 'before'
        ? sealAsBefore(settings.SECRET_KEY, foreign)
        : createSealer(settings.SECRET_KEY).seal(FASTAPI_SECRET, foreign),
    )
    t.equal(key.algorithm, 'HS256')

    await t.rejects(start(), { name: 'WrongSecretKeyError' })
    await set('algorithm', FASTAPI_ALGORITHM)
    await set('predecessor', 'fastapi')
    await set('retires_at', new Date(Date.now() + 3_600_000))
    await t.resolves(start().then((app) => app.close()))
  })
}

t.test('opens what was sealed only with the same id, algorithm and public key', async (t) => {
  const { seal, open } = createSealer('a secret for tests, of 32 bytes or more')
  const identity = { kid: 'one', algorithm: 'ES256', publicKey: 'public' }
  const sealed = seal('private', identity)

  t.equal(open(sealed, identity), 'private')
  for (const other of [{ kid: 'two' }, { algorithm: 'HS256' }, { publicKey: 'other' }, { publicKey: null }]) {
    t.throws(() => open(sealed, { ...identity, ...other }))
  }
  t.throws(() => open(sealed.slice(3), identity), 'not as what was sealed before')
})

for (const ALGORITHM of ['ES256', 'EdDSA', 'RS256', 'HS256']) {
  t.test(`opens a key of ${ALGORITHM} that was sealed before`, async (t) => {
    const { token, key, start, db } = await setScene(t, { ALGORITHM, sealed: 'before' })
    t.notMatch(await db.value('select sealed_private_key from signing_keys'), /\./)

    const app = await start()
    t.teardown(() => app.close())

    t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
    t.equal(decodeHeader(await createToken(app))['kid'], key.kid)
  })
}
