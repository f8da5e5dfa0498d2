import { userInfo } from 'node:os'
import t from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'
import { lookInto, onEachDatabase, users, usersJson } from './user-scene.ts'

onEachDatabase(t, 'changes take effect on the next request of a running service', async (t, scene) => {
  const { address } = await startServer(t, scene)
  const bob = { ...ada, email: 'bob@example.com' }
  await postJson(`${address}/register`, ada)
  await postJson(`${address}/register`, bob)
  const tokenOfBob = await logInAt(address, bob)
  let token = await logInAt(address, ada)
  const statusOf = async (token: string) =>
    (await fetch(`${address}/getUser`, { headers: bearer(token) })).status
  const logInStatus = async (password: string) =>
    (await postJson(`${address}/login`, { email: ada.email, password })).status

  const found = await usersJson(scene, ['show', ' ADA@example.com'])
  t.match(found, { email: ada.email, name: ada.name, disabled_at: null })
  t.match(found['created_at'], /Z$/)
  const { id = '' } = found
  t.equal(await statusOf(token), 200)

  t.match((await usersJson(scene, ['disable', ada.email]))['disabled_at'], /Z$/)
  t.equal(await statusOf(token), 401, 'disabled: their token')
  t.equal(await logInStatus(ada.password), 403, 'and their login')

  t.equal((await usersJson(scene, ['enable', id]))['disabled_at'], null)
  t.equal(await statusOf(token), 401, 'enabled: the earlier token stays refused')
  token = await logInAt(address, ada)
  t.equal(await statusOf(token), 200)

  await usersJson(scene, ['log-out', ada.email])
  t.equal(await statusOf(token), 401, 'logged out everywhere')
  token = await logInAt(address, ada)

  t.match(await users(scene, ['set-password', id], `${ada.email}\n`), {
    code: 1,
    stderr: 'too easy to guess',
  })
  const changed = await users(scene, ['set-password', id], 'another good passphrase\n')
  t.equal(changed.code, 0, changed.stderr)
  t.notMatch(changed.stdout + changed.stderr, 'another good passphrase')
  t.equal(await statusOf(token), 401, 'new password: their token')
  t.equal(await logInStatus(ada.password), 401, 'and the former password')
  token = await logInAt(address, { ...ada, password: 'another good passphrase' })
  t.equal(await statusOf(token), 200)

  t.match(await usersJson(scene, ['delete', ada.email]), { id, email: ada.email })
  t.equal(await statusOf(token), 401, 'deleted')
  t.equal(await statusOf(tokenOfBob), 200, 'the other user’s token')

  const events = await lookInto(t, scene).all(
    `select event, reason, actor from audit_events where user_id = ? and actor is not null order by created_at, id`,
    id,
  )
  const actor = userInfo().username
  t.same(events, [
    { event: 'user_updated', reason: 'disabled', actor },
    { event: 'user_updated', reason: 'enabled', actor },
    { event: 'authn_token_revoked', reason: 'logged_out_everywhere', actor },
    { event: 'authn_password_change', reason: null, actor },
    { event: 'user_deleted', reason: null, actor },
  ])
})

onEachDatabase(t, 'creates a user who can log in', async (t, scene) => {
  const { address } = await startServer(t, scene)
  const grace = { ...ada, email: 'grace@example.com', password: 'correct horse battery' }

  const args = ['add', ' Grace@Example.com', '--name', 'Grace']
  const created = await usersJson(scene, args, `${grace.password}\n`)

  t.match(created, { email: grace.email, name: 'Grace', disabled_at: null })
  t.match(created['id'], /^[\da-f]{8}-[\da-f]{4}-7/)
  const token = await logInAt(address, grace)
  t.equal((await fetch(`${address}/getUser`, { headers: bearer(token) })).status, 200)
  const events = await lookInto(t, scene).value(
    `select count(*) from audit_events where event = 'user_created' and user_id = ?`,
    created['id'],
  )
  t.equal(events, 1)
  const again = await users(scene, ['add', grace.email], grace.password)
  t.equal(again.code, 1)
  t.match(again.stderr, 'A user with the e-mail grace@example.com already exists')
})
