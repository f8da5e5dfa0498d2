/**
 * The command by which a test starts Node.js, as in `spawn(...nodeCommand(['script.ts']))`. tap puts a module that keeps its books into
 * every process that a test starts, by NODE_OPTIONS and whatever the test says. An operator's processes have no such thing, and it takes
 * a third of their start.
 *
 * @param args the options of Node.js, the script, and its arguments
 */
export function nodeCommand(args: readonly string[]): [command: string, args: string[]] {
  return ['/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, ...args]]
}
