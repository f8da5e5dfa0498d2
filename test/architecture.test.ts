import { globSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join, normalize, resolve } from 'node:path'
import t from 'tap'
import packageJson from '../package.json' with { type: 'json' }

const ROOT = resolve(import.meta.dirname, '..')
/** Each imports itself and what comes after it, never what comes before. */
const FLOORS = ['src', 'routes', 'plugins', 'drizzle']
/** The faces of the package and of its lowest floor: they alone hand on what others declare. */
const FACES = ['src/index.ts', 'src/drizzle.ts', 'src/drizzle-postgres.ts', 'drizzle/index.ts']

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const find = (folders: string[]) =>
  globSync(
    folders.map((folder) => `${folder}/**/*.{ts,js}`),
    { cwd: ROOT, exclude: ['**/node_modules'] },
  ).map((path) => ({ path, source: read(path) }))

const files = find(FLOORS)

/** The imports of a file: static, dynamic or by `require`, types included. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '')
  const imports = code.matchAll(/(?:\bfrom|\bimport|\b(?:import|require)\s*\()\s*(['"])(.+?)\1/g)
  return [...imports].map(([, , specifier = '']) => specifier)
}

/** The files that a file imports. */
const targetsOf = ({ path, source }: { path: string; source: string }) =>
  importsOf(source)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => normalize(join(dirname(path), specifier)))

const floorOf = (path: string) => path.split('/')[0] ?? ''

t.test('sees every import', async (t) => {
  t.same(
    importsOf(`import './a.ts'
import b, { type C } from "./b.ts"
import {
  d,
} from './d.ts'
export * from './e.ts'
const f = await import('./f.ts')
const g = require('g') as typeof import('./h.ts')
// import './not.ts'
/* from './neither.ts' */`),
    ['./a.ts', './b.ts', './d.ts', './e.ts', './f.ts', 'g', './h.ts'],
  )
  t.ok(files.length > 20)
  for (const floor of FLOORS) t.ok(files.some(({ path }) => floorOf(path) === floor))
})

t.test('imports go from src to routes to plugins to drizzle, and never back', async (t) => {
  for (const file of files) {
    const { path } = file
    const allowed = FLOORS.slice(FLOORS.indexOf(floorOf(path)))
    const imported = targetsOf(file).filter((target) => target !== 'package.json')
    t.same(
      imported.filter((target) => !allowed.includes(floorOf(target))),
      [],
      path,
    )
  }
})

t.test('only the lowest floor knows which database it is, and it knows nothing of HTTP', async (t) => {
  const isDatabase = (specifier: string) => /^(drizzle-orm|better-sqlite3|pg|postgres)(\/|$)/.test(specifier)
  const isHttp = (specifier: string) => /fastify|^node:http/.test(specifier)
  for (const { path, source } of files) {
    const isForeign = floorOf(path) === 'drizzle' ? isHttp : isDatabase
    t.same(importsOf(source).filter(isForeign), [], path)
  }
})

t.test('every package that the source imports is one that it declares', async (t) => {
  const { dependencies, peerDependencies } = packageJson
  const declared = new Set([
    ...Object.keys(dependencies),
    ...Object.keys(peerDependencies),
    ...builtinModules,
  ])
  const packages = files
    .flatMap(({ source }) => importsOf(source))
    .filter((specifier) => !/^[.]|^node:/.test(specifier))
    .map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? '')
  t.same(
    packages.filter((name) => !declared.has(name)),
    [],
  )
})

t.test('there is no drawer for what has no place', async (t) => {
  for (const { path } of files) {
    const names = [...dirname(path).split('/'), basename(path).split('.')[0] ?? '']
    t.notOk(
      names.some((name) => /^(utils?|helpers?|common|lib|misc|shared)$/i.test(name)),
      path,
    )
  }
})

t.test('nothing but the faces hands on what another file declares', async (t) => {
  const handOn = files
    .filter(({ source }) => /^export\b[^=]*?\bfrom\s+['"]/m.test(source))
    .map(({ path }) => path)
  t.same(
    handOn.filter((path) => !FACES.includes(path)),
    [],
  )
})

t.test('no file imports itself through others, types included', async (t) => {
  const graph = new Map([...files, ...find(['bench'])].map((file) => [file.path, targetsOf(file)]))
  const circles: string[] = []
  const done = new Set<string>()

  function visit(path: string, trail: string[]): void {
    if (trail.includes(path))
      return void circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    if (done.has(path)) return
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }

  for (const path of graph.keys()) visit(path, [])
  t.same(circles, [])
})

t.test('each entry of plugins/ is the plugin of its name', async (t) => {
  const entries = readdirSync(join(ROOT, 'plugins'), { withFileTypes: true })
  t.ok(entries.length > 10)
  for (const entry of entries) {
    const name = basename(entry.name, '.ts')
    // The words of the public interface.
    if (name === 'postern') continue
    const path = join('plugins', entry.isDirectory() ? `${name}/index.ts` : entry.name)
    const { default: plugin } = await import(join(ROOT, path))
    t.equal(plugin?.[Symbol.for('plugin-meta')]?.name, `postern-${name}`, path)
  }
  t.notMatch(read('plugins/postern.ts'), /^export (?!(type|interface)\b)/m, 'postern.ts has types only')
})

/** The guards of routes, by the function in routes/index.ts that registers what is in their folder. */
const SCOPES: Record<string, string[]> = {
  public: ['publicRoutes'],
  issued: ['issuedRoutes'],
  guarded: ['guardedRoutes'],
  gateway: ['gatewayRoutes'],
  clients: ['clientRoutes'],
  process: ['processRoutes', 'metricsRoutes'],
}

t.test('each route is registered once, behind the guard of its folder', async (t) => {
  const index = read('routes/index.ts')
  const folders = readdirSync(join(ROOT, 'routes'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )
  t.same(folders.map(({ name }) => name).sort(), Object.keys(SCOPES).sort())
  for (const { path } of files.filter(({ path }) => /^routes\/\w+\//.test(path))) {
    const [, folder = '', file = ''] = path.split('/')
    const [, name = ''] =
      new RegExp(`^import (\\w+) from '\\./${folder}/${file.replaceAll('.', '\\.')}'$`, 'm').exec(index) ?? []
    t.ok(name, `${path} is imported by routes/index.ts`)
    const registrations = [...index.matchAll(new RegExp(`register\\(${name}\\b`, 'g'))]
    t.equal(registrations.length, 1, `${path} is registered once`)
    const before = index.slice(0, registrations[0]?.index)
    const [, scope = ''] = [...before.matchAll(/async function (\w+)/g)].at(-1) ?? []
    t.ok(SCOPES[folder]?.includes(scope), `${path} is registered in ${scope}`)
  }
})

t.test('no line is longer than 120 characters', async (t) => {
  const generated = /^test\/openapi-client\/schema\.d\.ts$/
  const long = [...files, ...find(['bench', 'test'])]
    .filter(({ path }) => !generated.test(path))
    .flatMap(({ path, source }) =>
      source.split('\n').flatMap((line, index) => (line.length > 120 ? [`${path}:${index + 1}`] : [])),
    )
  t.same(long, [])
})
