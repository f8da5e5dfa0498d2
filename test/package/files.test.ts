import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageDirectory, project, ROOT, tarball } from './project.ts'

const manifest = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8'))

/** The files that are built from a source file. */
function built(path: string): string[] {
  const [, stem] = /^(.+)\.(?:ts|js)$/.exec(path) ?? []
  return stem === undefined ? [`dist/${path}`] : [`dist/${stem}.js`, `dist/${stem}.d.ts`]
}

t.test('has the built files, the migrations and four texts, and nothing else', async (t) => {
  const sources = globSync('{src,plugins,routes,drizzle}/**/*.*', { cwd: ROOT })
  const packed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')

  t.same(
    packed.map((path) => path.replace('package/', '')).sort(),
    [...sources.flatMap(built), 'CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'].sort(),
  )
  t.ok(packed.includes('package/dist/drizzle/sqlite/migrations/0000_init.sql'))
})

t.test('has no install scripts, and has a command', async (t) => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    t.notOk(script in manifest.scripts, script)
  t.notOk('private' in manifest)
  t.same(Object.keys(manifest.bin), ['postern'])
  t.ok(existsSync(join(project, 'node_modules/.bin/postern')))
})

t.test('installs its dependencies, one Fastify, and no development dependencies', async (t) => {
  const installed = (name: string) => existsSync(join(project, 'node_modules', name))
  const { dependencies, peerDependencies, peerDependenciesMeta } = manifest
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    if (!peerDependenciesMeta[name]?.optional) t.ok(installed(name), name)
  }
  for (const name of [
    '@fastify/otel',
    '@opentelemetry/sdk-node',
    'tap',
    'typescript',
    'drizzle-kit',
    '@biomejs/biome',
    'node',
  ])
    t.notOk(installed(name), name)
  t.same(globSync('node_modules/**/node_modules/fastify', { cwd: project }), [])
})

t.test('contains no paths of the machine that built it', async (t) => {
  for (const path of globSync('**/*.{js,ts,json,sql,md}', { cwd: packageDirectory })) {
    t.notOk(readFileSync(join(packageDirectory, path), 'utf8').includes(ROOT), path)
  }
})
