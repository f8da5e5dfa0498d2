import t from 'tap'
import { assertContract } from './contract.ts'

t.test('the packed plugin keeps the contract under a prefix', async (t) => {
  await assertContract(t, { POSTERN_TEST_PREFIX: '/auth' })
})
