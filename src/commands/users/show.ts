import { Command } from 'commander'
import { withContext } from '../context.ts'
import { printable, toJson } from '../terminal/text.ts'
import { findUser, toRecord } from './user.ts'

/** `postern users show` */
export function showCommand(): Command {
  return new Command('show')
    .description('show an account')
    .argument('<user>', 'e-mail or id')
    .option('--json', 'print a JSON object')
    .addHelpText('after', '\nExample:\n  postern users show ada@example.com')
    .action((who: string, { json }: { json?: true }) =>
      withContext(async ({ database }) => {
        const record = toRecord(await findUser(database, who))
        console.log(json ? toJson(record, 2) : describe(record))
      }),
    )
}

function describe(record: Record<string, string | null>): string {
  const width = Math.max(...Object.keys(record).map((name) => name.length))
  return Object.entries(record)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value ?? '')}`.trimEnd())
    .join('\n')
}
