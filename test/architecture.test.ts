import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join, normalize, resolve } from 'node:path'
import t from 'tap'
import packageJson from '../package.json' with { type: 'json' }

const ROOT = resolve(import.meta.dirname, '..')
/** Each imports itself and what comes after it, never what comes before. */
const FLOORS = ['src', 'routes', 'plugins', 'drizzle']
/** The faces of the package and of its lowest floor: they alone hand on what others declare. */
const FACES = ['src/index.ts', 'src/drizzle.ts', 'src/drizzle-postgres.ts', 'drizzle/index.ts']

const files = globSync(
  FLOORS.map((floor) => `${floor}/**/*.{ts,js}`),
  { cwd: ROOT },
).map((path) => ({ path, source: readFileSync(join(ROOT, path), 'utf8') }))

/** What a file imports, statically, dynamically or by `require`, types included. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '')
  const imports = code.matchAll(/(?:\bfrom|\bimport|\b(?:import|require)\s*\()\s*(['"])(.+?)\1/g)
  return [...imports].map(([, , specifier = '']) => specifier)
}

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
  for (const { path, source } of files) {
    const allowed = FLOORS.slice(FLOORS.indexOf(floorOf(path)))
    const imported = importsOf(source)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => normalize(join(dirname(path), specifier)))
      .filter((target) => target !== 'package.json')
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
