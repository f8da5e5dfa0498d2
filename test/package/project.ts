import { type ExecFileException, execFile } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { nodeCommand } from '../node-command.ts'

/** The repository. */
export const ROOT = resolve(import.meta.dirname, '../..')

/** The package that `npm run test:more -- package` has packed, and the plugin in its installation. */
export const tarball = required('POSTERN_TEST_TARBALL')
export const plugin = required('POSTERN_TEST_PLUGIN')
/** The installed package. */
export const packageDirectory = resolve(plugin, '../../..')
/** The project in which it is installed. */
export const project = resolve(packageDirectory, '../..')

/**
 * The compile cache that all processes of a run share. It is removed with the project, whose path differs in each
 * run.
 */
export const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(project, '.compile-cache') }

/** The compilers that a host app may use. */
export const COMPILERS = {
  'TypeScript 7': join(ROOT, 'node_modules/typescript/lib/tsc.js'),
  'TypeScript 5.9': join(ROOT, 'test/openapi-client/node_modules/typescript/lib/tsc.js'),
}

/** The compiler options of a strict host app. */
export const STRICT = {
  target: 'es2024',
  lib: ['es2024'],
  types: ['node'],
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: true,
}

/** The exit code and the output of a process. */
export interface Ended {
  code: number
  output: string
}

/** Runs a script with the Node.js of the tests. */
export async function runNode(args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(...nodeCommand(args), {
      cwd,
      env: { ...COMPILE_CACHE, ...env },
    })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as ExecFileException
    return { code: Number(code ?? 1), output: stdout + stderr }
  }
}

/** Creates a folder of the project with files, and with the types that a host app installs. @returns its path */
export function createFolder(name: string, files: Record<string, string>): string {
  const folder = join(project, name)
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  for (const types of ['node', 'better-sqlite3', 'pg']) {
    symlinkSync(join(ROOT, 'node_modules/@types', types), join(folder, 'node_modules/@types', types))
  }
  for (const [path, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** Creates a folder of the project as a copy of one of the repository. @returns its path */
export function copyFolder(name: string, source: string): string {
  const folder = createFolder(name, {})
  cpSync(join(ROOT, source), folder, { recursive: true })
  return folder
}

/** Compiles the TypeScript of a folder to JavaScript in its `dist`. */
export async function compile(folder: string, compiler: string, options: object = {}): Promise<Ended> {
  const config = {
    compilerOptions: { ...STRICT, rootDir: '.', outDir: 'dist', ...options },
    include: ['*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  return await runNode([compiler, '-p', '.'], folder)
}

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run these tests with npm run test:more -- package`)
  return value
}
