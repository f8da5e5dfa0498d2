import { PassThrough } from 'node:stream'
import type { ReadStream } from 'node:tty'
import t from 'tap'
import { askForPassword } from '../../src/commands/users/new-password.ts'

/** A terminal: a way to type, its raw modes, and what is shown. */
function createTerminal() {
  const modes: boolean[] = []
  const typed = Object.assign(new PassThrough(), {
    isTTY: true as const,
    isRaw: false,
    setRawMode(mode: boolean) {
      modes.push(mode)
      return this
    },
  })
  let shown = ''
  const screen = {
    write(text: string) {
      shown += text
      return true
    },
  }
  const ask = () => askForPassword(typed as unknown as ReadStream, screen)
  return { type: (text: string) => void typed.write(text), ask, modes, shown: () => shown }
}

/** Waits until the input is read. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 20))

t.test('asks twice, and does not show the password', async (t) => {
  const { type, ask, modes, shown } = createTerminal()
  const asked = ask()
  type('a fine passphrasx\u007fe\r')
  await turn()
  t.equal(shown(), 'Password: \nRepeat the password: ')
  type('a fine passphrase\r')

  t.equal(await asked, 'a fine passphrase')
  t.equal(shown(), 'Password: \nRepeat the password: \n')
  t.same(modes, [true, false, true, false], 'the terminal does not echo either')
})

t.test('refuses a password that was mistyped, or not typed', async (t) => {
  for (const [keys, message] of [
    [['a fine passphrase\r', 'another passphrase\r'], 'The passwords do not match.'],
    [['a fine\u0003'], 'Interrupted.'],
    [['\u0004'], 'No password was entered.'],
  ] as const) {
    const { type, ask, modes, shown } = createTerminal()
    const asked = t.rejects(ask(), { message })
    for (const text of keys) {
      type(text)
      await turn()
    }
    await asked
    t.equal(modes.at(-1), false)
    t.notMatch(shown(), /passphrase|fine/)
  }
})
