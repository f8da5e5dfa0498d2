import { Command } from 'commander'
import { withContext } from '../context.ts'
import { printable } from '../terminal/text.ts'
import { findUser, printUser, toRecord } from './user.ts'

/** `postern users show` */
export function showCommand(): Command {
  return new Command('show')
    .description('show a user')
    .argument('<user>', 'e-mail or id')
    .option('--json', 'print a JSON object')
    .addHelpText('after', '\nExample:\n  $ postern users show ada@example.com')
    .action((who: string, options: { json?: true }) =>
      withContext(async ({ database }) => {
        const row = await findUser(database, who)
        printUser(row, options, describe(toRecord(row)))
      }),
    )
}

function describe(record: Record<string, string | null>): string {
  const width = Math.max(...Object.keys(record).map((name) => name.length))
  return Object.entries(record)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value ?? '')}`.trimEnd())
    .join('\n')
}
