import t from 'tap'
import { assertContract } from './contract.ts'

t.test('the packed plugin keeps the contract without a prefix', async (t) => {
  await assertContract(t, {})
})
