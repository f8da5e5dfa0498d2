import { Command } from 'commander'
import { printable, toJson } from '../terminal/text.ts'
import { parseWholeNumber } from '../terminal/whole-number.ts'
import { examine, type Result } from './examine.ts'
import type { Status } from './finding.ts'

const MAX_INSTANCES = 99_999

interface DoctorOptions {
  instances: number
  json?: true
}

/** `postern doctor`: checks a deployment. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check settings, database, keys, clock and permissions, and say what to fix')
    .option(
      '--instances <number>',
      'how many processes share the PostgreSQL server',
      (text) => parseWholeNumber(text, MAX_INSTANCES),
      1,
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It changes nothing, and works even if the service cannot start. Run it as the
service’s user, in its directory and with its settings.

Exit code: 1 if a check fails, 0 if there are only warnings.

Examples:
  $ postern doctor
  $ postern doctor --instances 4 --json`,
    )
    .action(async ({ instances, json }: DoctorOptions) => {
      const results = await examine(process.env, instances)
      console.log(json ? toJson(results, 2) : [...results.map(describe), summary(results)].join('\n'))
      if (count(results, 'fail') > 0) process.exitCode = 1
    })
}

function describe({ check, status, detail, remedy }: Result): string {
  const line = `${status.padEnd(4)}  ${check.padEnd(11)}  ${printable(detail)}`
  return remedy === null ? line : `${line}\n${' '.repeat(19)}${printable(remedy)}`
}

function summary(results: Result[]): string {
  return `ok: ${count(results, 'ok')}, warnings: ${count(results, 'warn')}, failures: ${count(results, 'fail')}`
}

function count(results: Result[], status: Status): number {
  return results.filter((result) => result.status === status).length
}
