/**
 * The command with which a test starts Node.js, as in `spawn(...nodeCommand(['script.ts']))`. It removes NODE_OPTIONS,
 * by which tap preloads a module into every child process. Production does not have that module, and it takes a third
 * of the time that a process needs to start.
 *
 * @param args the options of Node.js, the script, and its arguments
 */
export function nodeCommand(args: readonly string[]): [command: string, args: string[]] {
  return ['/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, ...args]]
}
