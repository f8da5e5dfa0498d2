import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readBlocks, readPage } from '../markdown.ts'
import { COMPILERS, compile, copyFolder, createFolder, runNode } from './project.ts'

const source = readFileSync(join(import.meta.dirname, 'host/strict-host.ts'), 'utf8')

/** The host apps in the documentation. */
const [readmeHost = ''] = readBlocks(readPage('README.md'), 'ts')
const [exampleHost = ''] = readBlocks(readPage('docs/embedding.md'), 'ts')

/** Sends requests to the host app of the page, at the address in its log, and prints the responses. */
const VISITOR = `
const address = await new Promise((resolve) => {
  const write = process.stdout.write
  process.stdout.write = (text, ...rest) => {
    const found = /listening at (http:[^"]+)/.exec(text)?.[1]
    if (found) resolve(found)
    return true
  }
  globalThis.print = (value) => write.call(process.stdout, JSON.stringify(value))
  import('./host.js')
})
const user = { email: 'ada@example.com', password: 'correct horse battery staple' }
const ask = async (method, path, { body, token } = {}) => {
  const headers = {
    ...(body && { 'content-type': 'application/json' }),
    ...(token && { authorization: 'Bearer ' + token }),
  }
  const response = await fetch(address + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  return [response.status, await response.text()]
}
await ask('POST', '/auth/register', { body: user })
const token = JSON.parse((await ask('POST', '/auth/login', { body: user }))[1]).access_token
print([
  await ask('GET', '/notes', { token }), (await ask('GET', '/notes'))[0],
  await ask('GET', '/', { token }), await ask('GET', '/'),
  await ask('DELETE', '/account', { token }), (await ask('GET', '/notes', { token }))[0],
])
process.exit()
`

for (const [name, compiler] of Object.entries(COMPILERS)) {
  const folder = (part: string) => `${part} by ${name}`.toLowerCase().replaceAll(/\W+/g, '-')

  t.test(`a strict host app compiles with ${name} against the packed types, and runs`, async (t) => {
    const cwd = createFolder(folder('strict'), { 'host.ts': source })

    t.strictSame(await compile(cwd, compiler), { code: 0, output: '' })

    t.strictSame(await runNode(['dist/host.js'], cwd), { code: 0, output: 'ada@example.com\n' })
  })

  t.test(`a strict host app with a mistake does not compile with ${name}`, async (t) => {
    const mistakes = {
      'an unknown option': `await app.register(postern, { bcryptcost: 10 })`,
      'an option of another type': `await app.register(postern, { bcryptCost: '10' })`,
      'a hook with another event type': `await app.register(postern, { onRegistered: (event: { id: 1 }) => {} })`,
      'a forgotten null': `app.get('/x', async (request) => request.auth.userId)`,
      'an unknown method': `await app.postern.registr({ email: '', password: '' })`,
      'an unknown code': `export const code: ProblemCode = 'email-taken'`,
    }
    const files = Object.fromEntries(
      Object.values(mistakes).map((line, index) => [`mistake${index}.ts`, `${HEAD}${line}\n`]),
    )

    const { output } = await compile(createFolder(folder('wrong'), files), compiler, {
      noUnusedLocals: false,
    })

    for (const [index, about] of Object.keys(mistakes).entries()) {
      t.match(output, `mistake${index}.ts(5,`, about)
    }
    t.equal(output.match(/error TS/g)?.length, Object.keys(mistakes).length, output)
  })

  t.test(
    `the host apps of the documentation compile with ${name}, and that of docs/embedding.md works as it says`,
    async (t) => {
      t.match(exampleHost, 'port: 3000')
      t.match(readmeHost, 'app.authenticate')
      const cwd = createFolder(folder('page'), {
        'host.ts': exampleHost.replace('port: 3000', 'port: 0'),
        'readme.ts': readmeHost,
      })

      t.strictSame(await compile(cwd, compiler), { code: 0, output: '' })

      const { output } = await runNode(
        ['--input-type=module', '--eval', VISITOR.replace('./host.js', './dist/host.js')],
        cwd,
      )
      t.strictSame(JSON.parse(output), [
        [200, 'The notes of ada@example.com'],
        401,
        [200, 'Hello, ada@example.com'],
        [200, 'Hello, stranger'],
        [200, 'Gone'],
        401,
      ])
    },
  )

  t.test(`the example compiles with ${name}`, async (t) => {
    const cwd = copyFolder(folder('example'), 'examples/embedded-app')

    // Drizzle's types need it.
    t.strictSame(await compile(cwd, compiler, { skipLibCheck: true }), { code: 0, output: '' })
  })
}

/** Four lines. */
const HEAD = `import fastify from 'fastify'
import postern, { type ProblemCode } from 'postern'
export type Used = ProblemCode
export const app = fastify()
`

t.test('the example passes its own test', async (t) => {
  const cwd = copyFolder('example', 'examples/embedded-app')

  const { code, output } = await runNode(['--test', '--test-reporter=tap'], cwd)

  t.equal(code, 0, output)
  t.match(output, /^# pass 2$/m)
  t.match(output, /^# fail 0$/m)
})
