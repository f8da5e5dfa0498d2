import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Test } from 'tap'

/** The repository. */
export const ROOT = resolve(import.meta.dirname, '../..')

/** The certificates of this machine, for networks that intercept TLS. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

/** The settings with which npm fetches packages in another root as it does here. */
export const NPM_ENV = {
  npm_config_cafile: CERTIFICATES,
  npm_config_registry: run('npm', ['config', 'get', 'registry']).trim(),
}

/** Runs a command that must succeed. @returns what it prints */
export function run(command: string, args: string[], options: { cwd?: string; input?: string } = {}): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    ...options,
  })
}

/** A directory that only root can read. It is removed after the test. */
export function createDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-sandbox-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/**
 * Makes a Debian 12 in a directory, with npm and the Node.js that runs the tests. It needs root, debootstrap and
 * Debian's mirror.
 *
 * @param node where Node.js goes, as in `/usr/bin/node`
 * @param packages beside the essential ones
 */
export function createDebian(directory: string, node: string, packages: string[] = []): void {
  const include = ['ca-certificates', ...packages].join()
  run('debootstrap', ['--variant=minbase', `--include=${include}`, 'bookworm', directory])
  chmodSync(directory, 0o755)
  copyFileSync(process.execPath, join(directory, node))
  const modules = join(directory, dirname(node), '../lib/node_modules')
  // …/npm/bin/npm-cli.js
  const npm = realpathSync(run('sh', ['-c', 'command -v npm']).trim())
  cpSync(dirname(dirname(npm)), join(modules, 'npm'), { recursive: true })
  run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(directory, dirname(node), 'npm')])
  copyFileSync(CERTIFICATES, join(directory, CERTIFICATES))
}

/** Copies the checkout without what git leaves out, as a clone would have it. */
export function copyCheckout(to: string): void {
  const left = new Set(['node_modules', 'dist', '.git', '.tap', 'data', '.env'])
  cpSync(ROOT, to, {
    recursive: true,
    filter: (path) => !left.has(path.split('/').at(-1) ?? ''),
  })
}
