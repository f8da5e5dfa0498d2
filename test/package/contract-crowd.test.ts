import t from 'tap'
import { assertContract } from './contract.ts'

t.test('the packed plugin keeps the contract beside the plugins that a host app may have', async (t) => {
  await assertContract(t, { POSTERN_TEST_PREFIX: '/auth', POSTERN_TEST_CROWD: 'yes' })
})
