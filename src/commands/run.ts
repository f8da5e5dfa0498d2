import { type Command, CommanderError } from 'commander'
import { printable } from './terminal/text.ts'

/** The arguments of a command do not fit together. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Exit codes, besides 0 for success. */
const FAILED = 1
const WRONG_USAGE = 2

/** Runs the command of the process's arguments, and sets the exit code: 0 success, 1 failure, 2 wrong usage. */
export async function run(program: Command): Promise<void> {
  throwInsteadOfExiting(program)
  // The reader of a pipe may close it early, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    // Commander has already printed its message.
    if (error instanceof CommanderError) return
    const { message } = error as Error
    console.error(message.split('\n').map(printable).join('\n'))
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE
  return error instanceof UsageError ? WRONG_USAGE : FAILED
}

function throwInsteadOfExiting(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) throwInsteadOfExiting(child)
}
