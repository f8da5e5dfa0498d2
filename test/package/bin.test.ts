import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson } from '../server-process.ts'
import { packageDirectory, project, runNode } from './project.ts'

const POSTERN = join(project, 'node_modules/.bin/postern')

const { version } = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8'))

/** An empty directory in which to run a command. */
function createDirectory(): string {
  mkdirSync(join(project, 'run'), { recursive: true })
  return mkdtempSync(join(project, 'run/'))
}

/** Starts `postern serve`, and waits until it listens. */
async function serve(t: Test, cwd: string): Promise<{ address: string; end(): Promise<number | null> }> {
  const child = spawn(process.execPath, [POSTERN, 'serve'], { cwd, env: { PORT: '0', BCRYPT_COST: '10' } })
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve))
  t.teardown(() => void child.kill('SIGKILL'))
  let said = ''
  const address = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      const ready = /ready at (\S+)/.exec(said)?.[1]
      if (ready) resolve(ready)
    })
    exit.then(() => reject(new Error(said)))
  })
  child.stdout.resume()
  return {
    address,
    end() {
      child.kill('SIGTERM')
      return exit
    },
  }
}

t.test('prints its version and its commands', async (t) => {
  t.strictSame(await runNode([POSTERN, '--version'], createDirectory()), { code: 0, output: `${version}\n` })
  const { output } = await runNode([POSTERN, '--help'], createDirectory())
  for (const command of ['serve', 'migrate', 'keys', 'clients']) t.match(output, `\n  ${command} `)
})

t.test('migrates, manages keys and clients, and serves, on one database', async (t) => {
  const cwd = createDirectory()
  t.match(await runNode([POSTERN, 'migrate'], cwd), { code: 0, output: 'The database is up to date.' })
  t.same(readdirSync(join(cwd, 'data')), ['postern.db', 'postern.db.secret'])

  const { address, end } = await serve(t, cwd)
  t.equal((await postJson(`${address}/register`, ada)).status, 201)
  const headers = bearer(await logInAt(address, ada))
  t.equal((await fetch(`${address}/getUser`, { headers })).status, 200)
  const document = (await (await fetch(`${address}/openapi.json`)).json()) as { info: { version: string } }
  t.equal(document.info.version, version)
  t.match(await (await fetch(`${address}/docs`)).text(), '<html')

  t.match(await runNode([POSTERN, 'keys', 'list'], cwd), { code: 0, output: /ES256 +signing/ })
  t.match(await runNode([POSTERN, 'clients', 'add', 'gateway'], cwd), { code: 0, output: /client_secret/ })
  t.equal(await end(), 0)
})

for (const old of ['18.0.0', '20.20.2', '22.17.1']) {
  t.test(`prints in one line that Node.js ${old} is too old`, async (t) => {
    const code = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${old}' } })`
    const pretend = ['--import', `data:text/javascript,${encodeURIComponent(code)}`]
    const message = `Postern needs Node.js 22.18 or newer; this is ${old}.`

    t.strictSame(await runNode([...pretend, POSTERN, 'serve'], createDirectory()), {
      code: 1,
      output: `${message}\n`,
    })

    const host = `await import('postern').catch((error) => console.log(error.message))`
    const options = ['--input-type=module', '--eval', host]
    t.strictSame(await runNode([...pretend, ...options], project), { code: 0, output: `${message}\n` })
  })
}
