import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Test } from 'tap'
import { until } from '../server-process.ts'
import { NPM_ENV } from './debian.ts'

/** A running machine, with systemd as its first process. */
export interface Machine {
  /** Runs a shell script as root. @returns its standard output and standard error */
  shell(script: string): string
  /** The same for a script that must fail. */
  shellFails(script: string): string
}

/** The output of a script, and whether it succeeded. */
interface Ended {
  succeeded: boolean
  output: string
}

/**
 * Boots a Debian with systemd-nspawn. It shares the network, and ends with the test.
 *
 * @param root its file system, with `systemd`, `systemd-sysv` and `dbus`
 */
export async function bootMachine(t: Test, root: string): Promise<Machine> {
  const name = `postern-${basename(root)}`.toLowerCase()
  const flags = ['--register=no', '--keep-unit', '--console=pipe', '--machine', name]
  const nspawn = spawn('systemd-nspawn', [...flags, '--boot', '--directory', root], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  nspawn.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  nspawn.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  let hasEnded = false
  const exit = once(nspawn, 'close').finally(() => {
    hasEnded = true
  })
  t.teardown(async () => {
    // Not SIGKILL, which would leave its mounts. The second SIGTERM ends the machine at once.
    nspawn.kill('SIGTERM')
    nspawn.kill('SIGTERM')
    await exit
  })

  const first = () =>
    readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, 'utf8').trim().split(' ')[0] ?? ''

  function run(script: string): Ended {
    const enter = ['--target', first(), '--mount', '--pid', '--uts', '--ipc', '--root']
    const env = Object.entries(NPM_ENV).map(([variable, value]) => `${variable}=${value}`)
    const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'
    try {
      const output = execFileSync(
        'nsenter',
        [
          ...enter,
          '/usr/bin/env',
          '-i',
          '--chdir=/',
          PATH,
          'HOME=/root',
          ...env,
          'sh',
          '-euc',
          `exec 2>&1; ${script}`,
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      )
      return { succeeded: true, output }
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      return { succeeded: false, output: stdout + stderr }
    }
  }

  function must(script: string, toSucceed: boolean): string {
    const { succeeded, output } = run(script)
    if (succeeded === toSucceed) return output
    throw new Error(`${script}\n${output}`)
  }

  await until(() => hasEnded || run('systemctl is-system-running').output.trim() === 'running')
  if (hasEnded) throw new Error(`The machine did not start: ${output}`)
  return {
    shell: (script) => must(script, true),
    shellFails: (script) => must(script, false),
  }
}
