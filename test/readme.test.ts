import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { readBlocks, readPage, readSection, readTranscript, withoutVolatile } from './markdown.ts'
import { startServer } from './server-process.ts'
import { drawTerminal, PICTURE } from './terminal-picture.ts'

const readme = readPage('README.md')

/** A line that no command writes, between the outputs of two. */
const SEPARATOR = '=== next command ==='

const { address } = await startServer(t, { cwd: t.testdir(), env: { BCRYPT_COST: '12' } })

t.test('the commands of the README write what it says', async (t) => {
  const steps = readTranscript(readSection(readme, '## Try it'))
  t.ok(steps.length >= 5, 'register, login, getUser, logout, getUser')
  const script = steps.map(({ command }) => `${command}\necho '\n${SEPARATOR}'\n`).join('')

  const { stdout, stderr } = await promisify(execFile)('bash', [
    '-c',
    script.replaceAll('http://127.0.0.1:3000', address),
  ])

  t.equal(stderr, '')
  const outputs = stdout.replaceAll(address, 'http://127.0.0.1:3000').split(`\n${SEPARATOR}\n`)
  const written = steps.map(({ command }, index) => [`$ ${command}`, outputs[index]?.trimEnd()])
  const promised = steps.map(({ command, output }) => [`$ ${command}`, output.trimEnd()])
  t.same(
    withoutVolatile(written.flat().filter(Boolean).join('\n')).split('\n'),
    withoutVolatile(promised.flat().filter(Boolean).join('\n')).split('\n'),
  )
})

t.test('the front end of the README logs in, and throws the code of an error', async (t) => {
  const [block = ''] = readBlocks(readSection(readme, '## JSON API'), 'js')
  const run = (code: string): Promise<{ access_token: string }> =>
    import(`data:text/javascript,${encodeURIComponent(`${code}\nexport { access_token }`)}`)
  const script = block.replaceAll('http://127.0.0.1:3000', address)

  // The commands above have registered Ada.
  t.match((await run(script)).access_token, /^eyJ/)
  await t.rejects(run(script.replace('correct horse', 'wrong horse')), { message: 'invalid_credentials' })
})

t.test('the nginx lines of the README are those of the recipe, in the same order', async (t) => {
  const [excerpt = ''] = readBlocks(readme, 'nginx')
  const lines = (text: string) => text.split('\n').map((line) => line.trim())
  const recipe = lines(readPage('examples/gateways/nginx.conf'))
  let from = recipe.indexOf('location / {')
  t.not(from, -1)
  for (const line of lines(excerpt).filter(Boolean)) {
    const index = recipe.indexOf(line, from)
    t.not(index, -1, line)
    from = index
  }
})

t.test('the picture shows the session of the README: else run node test/terminal-picture.ts', async (t) => {
  t.match(readme, `](${PICTURE})`)
  t.equal(readPage(PICTURE), drawTerminal(readme))
})

t.test('the README stays short, and links to each page once', async (t) => {
  t.ok(readme.trimEnd().split('\n').length <= 130)
  const targets = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
  t.same(targets, [...new Set(targets)])
})
