import { PassThrough } from 'node:stream'
import type { ReadStream } from 'node:tty'
import t from 'tap'
import { askForPassword } from '../../src/commands/users/new-password.ts'

/** A terminal: what is typed there, whether it shows that by itself, and what else is on it. */
function makeTerminal() {
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

/** Lets whoever reads have his turn. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 20))

t.test('asks twice, and shows nothing of it', async (t) => {
  const { type, ask, modes, shown } = makeTerminal()
  const asked = ask()
  type('a fine passphrasx\u007fe\r')
  await turn()
  t.equal(shown(), 'Password: \nThe same again: ')
  type('a fine passphrase\r')

  t.equal(await asked, 'a fine passphrase')
  t.equal(shown(), 'Password: \nThe same again: \n')
  t.same(modes, [true, false, true, false], 'the terminal shows nothing meanwhile either')
})

t.test('takes no password that was mistyped, or not typed', async (t) => {
  for (const [keys, message] of [
    [['a fine passphrase\r', 'another passphrase\r'], 'The two are not the same.'],
    [['a fine\u0003'], 'Interrupted.'],
    [['\u0004'], 'No password was given.'],
  ] as const) {
    const { type, ask, modes, shown } = makeTerminal()
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
