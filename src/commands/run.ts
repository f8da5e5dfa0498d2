import { type Command, CommanderError } from 'commander'
import { printable } from './terminal/text.ts'

/** A command was called in a way that makes no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the process ends with. 0 is for what has been done. */
const FAILED = 1
const WRONG_USAGE = 2

/** Runs the command that the process was called with, and sets the process's exit code: 0 done, 1 failed, 2 wrong usage. */
export async function run(program: Command): Promise<void> {
  throwInsteadOfExiting(program)
  // Whoever reads a list may stop before its end, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    // Commander has said what it has to say itself.
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
