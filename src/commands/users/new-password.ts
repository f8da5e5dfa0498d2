import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { hash } from '@node-rs/bcrypt'
import { findPasswordFault } from '../../../plugins/passwords/policy.ts'
import type { Config } from '../../settings/environment.ts'

/** Bytes that are read of something which is to be a password. */
const MAX_INPUT = 4096

/**
 * Takes a new password from a person or from another program, never from an argument, which everybody on the machine can see.
 *
 * @returns its hash
 * @throws where the password is no good
 */
export async function hashNewPassword({ bcryptCost, passwordMinLength }: Config): Promise<string> {
  const password = process.stdin.isTTY
    ? await askForPassword(process.stdin, process.stderr)
    : await readAll(process.stdin)
  const fault = await findPasswordFault(password, passwordMinLength)
  if (fault) throw new Error(`The password ${fault}.`)
  return await hash(password, bcryptCost)
}

/** Where questions are shown. */
type Screen = Pick<NodeJS.WritableStream, 'write'>

/**
 * Asks a person for a new password, twice, and shows nothing of what is typed.
 *
 * @throws where the two differ
 */
export async function askForPassword(terminal: ReadStream, screen: Screen): Promise<string> {
  const password = await ask(terminal, screen, 'Password: ')
  const again = await ask(terminal, screen, 'The same again: ')
  if (again !== password) throw new Error('The two are not the same.')
  return password
}

async function ask(terminal: ReadStream, screen: Screen, question: string): Promise<string> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
  const line = createInterface({ input: terminal, output: silence, terminal: true, historySize: 0 })
  screen.write(question)
  try {
    return await new Promise<string>((resolve, reject) => {
      line.once('line', resolve)
      line.once('close', () => reject(new Error('No password was given.')))
      line.once('SIGINT', () => reject(new Error('Interrupted.')))
    })
  } finally {
    line.close()
    screen.write('\n')
  }
}

/** Reads a password that another program or a file gives: one line, with or without an end. */
async function readAll(input: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > MAX_INPUT) throw new Error('Standard input is too long to be a password.')
  }
  const text = decode(Buffer.concat(chunks)).replace(/\r?\n$/, '')
  if (text === '') throw new Error('No password came by standard input.')
  if (text.includes('\n')) throw new Error('The password must be one line.')
  return text
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error('The password must be text in UTF-8.')
  }
}
