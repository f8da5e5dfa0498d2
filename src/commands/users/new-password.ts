import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { hash } from '@node-rs/bcrypt'
import { knownWords, type PasswordOwner } from '../../../plugins/passwords/known-words.ts'
import { findPasswordFault } from '../../../plugins/passwords/policy.ts'
import type { Config } from '../../settings/environment.ts'

/** The most bytes to read of a password. */
const MAX_INPUT = 4096

/**
 * Reads a user's new password from a terminal or from standard input. It is never an argument, which every user of
 * the machine can see.
 *
 * @returns its hash
 * @throws if the password is not acceptable
 */
export async function hashNewPassword(
  { bcryptCost, issuer, passwordMinLength: minLength }: Config,
  owner: PasswordOwner,
): Promise<string> {
  const password = process.stdin.isTTY
    ? await askForPassword(process.stdin, process.stderr)
    : await readAll(process.stdin)
  const fault = await findPasswordFault(password, { minLength, words: knownWords(owner, issuer) })
  if (fault) throw new Error(`The password ${fault}.`)
  return await hash(password, bcryptCost)
}

/** Where prompts are shown. */
type Screen = Pick<NodeJS.WritableStream, 'write'>

/**
 * Asks for a new password, twice, without showing what is typed.
 *
 * @throws if the two differ
 */
export async function askForPassword(terminal: ReadStream, screen: Screen): Promise<string> {
  const password = await ask(terminal, screen, 'Password: ')
  const again = await ask(terminal, screen, 'Repeat the password: ')
  if (again !== password) throw new Error('The passwords do not match.')
  return password
}

async function ask(terminal: ReadStream, screen: Screen, question: string): Promise<string> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
  const line = createInterface({ input: terminal, output: silence, terminal: true, historySize: 0 })
  screen.write(question)
  try {
    return await new Promise<string>((resolve, reject) => {
      line.once('line', resolve)
      line.once('close', () => reject(new Error('No password was entered.')))
      line.once('SIGINT', () => reject(new Error('Interrupted.')))
    })
  } finally {
    line.close()
    screen.write('\n')
  }
}

/** Reads a password from another program or a file: one line, with or without a newline. */
async function readAll(input: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > MAX_INPUT) throw new Error('Standard input is too long for a password.')
  }
  const text = decode(Buffer.concat(chunks)).replace(/\r?\n$/, '')
  if (text === '') throw new Error('There is no password on standard input.')
  if (text.includes('\n')) throw new Error('The password must be one line.')
  return text
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error('The password must be UTF-8 text.')
  }
}
