import t from 'tap'
import { ada, createApp, post } from '../helper.ts'

t.test('a login with an unknown e-mail takes as much work as one with a wrong password', async (t) => {
  // At this cost the hash is nearly all of the work.
  const app = await createApp(t, { BCRYPT_COST: '12' })
  await post(app, '/register', ada)

  async function measureWork(email: string): Promise<number> {
    // CPU time, which does not depend on the load of the machine.
    const before = process.cpuUsage()
    const answer = await post(app, '/login', { email, password: 'a wrong password' })
    const { user, system } = process.cpuUsage(before)
    t.equal(answer.statusCode, 401)
    return user + system
  }

  await measureWork(ada.email)
  const wrongPassword = await measureWork(ada.email)
  const unknownEmail = await measureWork('eve@example.com')

  const ratio = unknownEmail / wrongPassword
  t.ok(ratio > 0.5 && ratio < 2, `${ratio} times the work`)
})
