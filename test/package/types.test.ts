import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'
import ts from '../openapi-client/node_modules/typescript/lib/typescript.js'
import { packageDirectory, ROOT } from './project.ts'

const DIST = join(packageDirectory, 'dist')
const FACES = {
  postern: join(DIST, 'src/index.d.ts'),
  'postern/drizzle': join(DIST, 'src/drizzle.d.ts'),
  'postern/drizzle/postgres': join(DIST, 'src/drizzle-postgres.d.ts'),
}

/** The declaration files of the package that a host's compiler reads, and the packages that they import. */
function reach(entry: string): { files: string[]; packages: string[] } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (path: string) => {
    if (files.has(path)) return
    files.add(path)
    const source = readFileSync(path, 'utf8')
    for (const [, specifier = ''] of source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](.+?)['"]/g)) {
      if (specifier.startsWith('.')) visit(resolve(dirname(path), specifier.replace(/\.[jt]s$/, '.d.ts')))
      else packages.add(specifier)
    }
  }
  visit(entry)
  return { files: [...files].map((path) => relative(DIST, path)).sort(), packages: [...packages].sort() }
}

t.test('a host’s compiler reads only the public types', async (t) => {
  const { files, packages } = reach(FACES.postern)
  t.same(packages, ['@sinclair/typebox', 'fastify'])
  const augmenting = files.filter((path) => /declare module/.test(readFileSync(join(DIST, path), 'utf8')))
  t.same(augmenting, ['plugins/postern.d.ts'])
  t.ok(globSync('plugins/**/*.d.ts', { cwd: DIST }).length > files.length, 'there are more declaration files')

  for (const face of [FACES['postern/drizzle'], FACES['postern/drizzle/postgres']]) {
    const drizzle = reach(face)
    t.match(drizzle.packages, [/^drizzle-orm/])
    t.ok(drizzle.packages.every((name) => name.startsWith('drizzle-orm')))
  }
})

t.test('every export is documented', async (t) => {
  const options = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    strict: true,
    skipLibCheck: true,
  }
  const typeRoots = [join(ROOT, 'node_modules/@types')]
  const program = ts.createProgram(Object.values(FACES), { ...options, typeRoots, types: ['node'] })
  const checker = program.getTypeChecker()
  for (const [name, face] of Object.entries(FACES)) {
    const source = program.getSourceFile(face)
    const module = source && checker.getSymbolAtLocation(source)
    const exported = module ? checker.getExportsOfModule(module) : []
    t.ok(exported.length > 3, `${name} exports something`)
    for (const symbol of exported) {
      const meant = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      t.not(meant.getDocumentationComment(checker).length, 0, `${symbol.name} of ${name}`)
    }
  }
})
