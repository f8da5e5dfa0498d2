/**
 * `npm run test:more -- package`: builds and packs the package, installs it into an empty project outside the
 * repository, and runs the tests of this folder on that.
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = new URL('../..', import.meta.url).pathname
/** Seconds that a test file may take. Some of them run many others. */
const TIMEOUT = 900

const workplace = mkdtempSync(join(tmpdir(), 'postern-package-'))
const project = join(workplace, 'project')

function run(command: string, args: string[], cwd: string, env = process.env): number {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: 'inherit' })
  if (error) throw error
  return status ?? 1
}

function must(status: number): void {
  if (status !== 0) process.exit(status)
}

process.on('exit', () => rmSync(workplace, { recursive: true, force: true }))

must(run('npm', ['run', 'build'], ROOT))
must(run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', workplace], ROOT))
const tarball = join(workplace, readdirSync(workplace).find((name) => name.endsWith('.tgz')) ?? '')

run('mkdir', [project], workplace)
writeFileSync(join(project, 'package.json'), '{ "name": "host", "private": true, "type": "module" }\n')
must(run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error', tarball], project))

const files = globSync(process.argv.slice(2), { cwd: ROOT })
process.exitCode = run('npx', ['tap', `--timeout=${TIMEOUT}`, ...files], ROOT, {
  ...process.env,
  POSTERN_TEST_TARBALL: tarball,
  POSTERN_TEST_PLUGIN: join(project, 'node_modules/postern/dist/src/index.js'),
})
