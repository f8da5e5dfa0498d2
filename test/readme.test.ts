import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { readPage, readSection, readTranscript, withoutVolatile } from './markdown.ts'
import { startServer } from './server-process.ts'

const readme = readPage('README.md')

/** A line that no command writes, between the outputs of two. */
const SEPARATOR = '=== next command ==='

t.test('the commands of the README write what it says', async (t) => {
  const steps = readTranscript(readSection(readme, '## Try it'))
  t.ok(steps.length >= 5, 'register, login, getUser, logout, getUser')
  const { address } = await startServer(t, { cwd: t.testdir(), env: { BCRYPT_COST: '12' } })
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
