import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { copyCheckout, createDebian, createDirectory, NPM_ENV, ROOT, run } from './debian.ts'

/** The configuration with which to run an image (https://github.com/moby/docker-image-spec). */
export interface ImageConfig {
  User: string
  Env: string[]
  Entrypoint: string[] | null
  Cmd: string[]
  WorkingDir: string
  Volumes: Record<string, object>
  ExposedPorts: Record<string, object>
  StopSignal: string
  Healthcheck: { Test: string[] }
}

/** An image that was built from the Dockerfile. */
export interface Image {
  config: ImageConfig
  /** The path of its file system. */
  root: string
  /** The path of a copy of the build context. */
  contextRoot: string
}

const DOCKERFILE = 'examples/Dockerfile'

/** The entry point of the official image of Node.js. It passes whatever is not a command to `node`. */
const ENTRYPOINT = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ] || ! command -v "$1" >/dev/null; then set -- node "$@"; fi
exec "$@"
`

/**
 * Builds the Dockerfile with buildah. It needs no image registry: the base image consists of Debian's packages and of
 * the tests' Node.js, and has what the Dockerfile needs of the official one.
 *
 * @param strays files in the checkout that must not be in an image
 */
export function buildImage(t: Test, strays: Record<string, string>): Image {
  const directory = createDirectory(t)
  const storage = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run')]
  const buildah = (...args: string[]) => run('buildah', [...storage, ...args]).trim()
  t.teardown(() => void buildah('rm', '--all'))

  const [, name = ''] = /^ARG NODE=(.+)$/m.exec(readFileSync(join(ROOT, DOCKERFILE), 'utf8')) ?? []
  createBase(buildah, join(directory, 'debian'), name)

  const context = join(directory, 'context')
  copyCheckout(context)
  for (const [path, text] of Object.entries(strays)) {
    mkdirSync(join(context, path, '..'), { recursive: true })
    writeFileSync(join(context, path), text)
  }
  const all = join(directory, 'all.Dockerfile')
  writeFileSync(all, 'FROM scratch\nCOPY . /\n')
  const build = (tag: string, dockerfile: string) => {
    const flags = ['--isolation=chroot', '--pull-never', '--format=docker']
    buildah('build', ...flags, '--file', dockerfile, '--tag', tag, context)
    return buildah('mount', buildah('from', '--pull-never', tag))
  }
  const contextRoot = build('all', all)
  const root = build('postern', join(context, DOCKERFILE))
  const { Docker } = JSON.parse(buildah('inspect', '--type=image', 'postern'))
  return { config: Docker.config, root, contextRoot }
}

function createBase(buildah: (...args: string[]) => string, debian: string, name: string): void {
  createDebian(debian, '/usr/local/bin/node')
  run('chroot', [debian, 'groupadd', '--gid=1000', 'node'])
  run('chroot', [debian, 'useradd', '--uid=1000', '--gid=node', '--create-home', 'node'])
  writeFileSync(join(debian, 'usr/local/bin/docker-entrypoint.sh'), ENTRYPOINT, { mode: 0o755 })
  const container = buildah('from', 'scratch')
  run('cp', ['--archive', `${debian}/.`, buildah('mount', container)])
  buildah('umount', container)
  const env = Object.entries(NPM_ENV).flatMap(([variable, value]) => ['--env', `${variable}=${value}`])
  const start = ['--entrypoint', '["docker-entrypoint.sh"]', '--cmd', 'node']
  buildah('config', ...env, ...start, container)
  buildah('commit', '--rm', container, `docker.io/library/${name}`)
}

/** A running container. */
export interface Container {
  /** The id of the container's first process, outside the container. */
  pid: number
  stderr(): string
  /** Whether it has ended. */
  hasEnded(): boolean
  /** Runs a command in the container, as `docker exec` does. */
  exec(...command: string[]): { status: number; output: string }
  /** Sends the image's stop signal. @returns the exit code */
  stop(): Promise<number | null>
}

/** Prepares the file system in its own namespace, and executes the command there. */
const ENTER = `
root=$1 data=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
for device in null zero random urandom; do
  touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind "$data" "$root/data"
mount -t tmpfs tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
`

/**
 * Runs an image as `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --network host`
 * does, with util-linux instead of a container engine. Its process is the first of its
 * namespace, and ends with the test.
 *
 * @param volume the directory to mount at `/data`. Created like a new volume, with the owner and the mode of the
 *   image's
 */
export function runImage(
  t: Test,
  { config, root }: Image,
  volume: string,
  settings: Record<string, string>,
): Container {
  const { uid, gid, mode } = statSync(join(root, 'data'))
  run('install', ['-d', '-o', `${uid}`, '-g', `${gid}`, '-m', (mode & 0o7777).toString(8), volume])

  const [user = '', group = ''] = config.User.split(':')
  const variables = [...config.Env, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)]
  const unprivileged = [
    ...['/usr/bin/setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups', '--no-new-privs'],
    ...['--inh-caps=-all', '--bounding-set=-all', '--pdeathsig=KILL'],
    ...['/usr/bin/env', '-i', `--chdir=${config.WorkingDir}`, ...variables],
  ]
  const command = [...(config.Entrypoint ?? []), ...config.Cmd]
  const child = spawn(
    'setpriv',
    [
      ...[
        '--pdeathsig=KILL',
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        'sh',
        '-euc',
        ENTER,
        'sh',
        root,
        volume,
      ],
      ...unprivileged,
      ...command,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let hasEnded = false
  const exit = once(child, 'close').finally(() => {
    hasEnded = true
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const first = () =>
    Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0])

  return {
    get pid() {
      return first()
    },
    stderr: () => stderr,
    hasEnded: () => hasEnded,
    exec(...command) {
      const enter = ['--target', `${first()}`, '--mount', '--pid', '--root']
      try {
        const output = execFileSync('nsenter', [...enter, ...unprivileged, ...command], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        })
        return { status: 0, output }
      } catch (error) {
        const {
          status,
          stdout = '',
          stderr = '',
        } = error as { status?: number; stdout?: string; stderr?: string }
        return { status: status ?? -1, output: stdout + stderr }
      }
    },
    async stop() {
      process.kill(first(), config.StopSignal as NodeJS.Signals)
      const [code] = await exit
      return code
    },
  }
}
