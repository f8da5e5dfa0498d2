import t from 'tap'
import { assertContract } from './contract.ts'

t.test('the packed plugin keeps the contract among everything else that a host may have', async (t) => {
  await assertContract(t, { POSTERN_TEST_PREFIX: '/auth', POSTERN_TEST_CROWD: 'yes' })
})
