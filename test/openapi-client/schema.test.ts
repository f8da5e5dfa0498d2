import { readFile } from 'node:fs/promises'
import t from 'tap'
import { createApp } from '../helper.ts'
import { generate, SCHEMA } from './generate.ts'

t.test('the client’s types are up to date: if not, run npm run openapi:types', async (t) => {
  const app = await createApp(t)
  t.equal(await readFile(SCHEMA, 'utf8'), await generate(app))
})
