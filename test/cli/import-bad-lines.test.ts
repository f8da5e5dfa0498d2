import t from 'tap'
import { HASH, hashOf, importText, line, lookInto, onEachDatabase, setScene, users } from './user-scene.ts'

const OTHER_ID = '01a20490-3f02-7409-818a-1861e0ce0328'

/** Lines, and what is wrong with each; undefined for a good line. */
const LINES: [text: string, reason?: string | RegExp][] = [
  [line(1)],
  [line(2, { email: 'nobody' }), 'email must be an e-mail address'],
  [line(3, { email: 'a\u001b[31m@example.com' }), 'email must be an e-mail address'],
  [line(4, { email: 7 }), 'email must be a string'],
  [line(5, { email: null }), 'email is missing'],
  [line(6, { hashed_password: undefined }), 'hashed_password is missing'],
  [line(7, { hashed_password: HASH.slice(0, -1) }), /bcrypt hash/],
  [line(8, { hashed_password: HASH.replace('$2b$12', '$2x$12') }), /bcrypt hash/],
  [line(9, { hashed_password: HASH.replace('$12$', '$03$') }), /bcrypt hash/],
  [line(10, { hashed_password: HASH.replace('$12$', '$16$') }), /bcrypt hash/],
  [line(11, { hashed_password: `${HASH}\n` }), /bcrypt hash/],
  [line(12, { hashed_password: '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA' }), /bcrypt hash/],
  [line(13, { name: 'x'.repeat(226) }), /more than 225 characters/],
  [line(14, { name: 'a\0b' }), /without NUL/],
  [line(15, { name: '\ud800' }), /well-formed/],
  [line(16, { id: '7' }), 'id must be a UUID'],
  [line(17, { created_at: '2026-02-30T00:00:00Z' }), /created_at must be an RFC 3339 time/],
  [line(18, { created_at: 'yesterday' }), /created_at must be an RFC 3339 time/],
  [line(19, { disabled_at: '2026-01-01' }), /disabled_at must be an RFC 3339 time/],
  [line(20, { role: 'admin' }), 'role is not a column'],
  [line(21, { password: 'correct horse' }), /password is not a column: only hashes/],
  [line(22, { [HASH]: 'x' }), 'it has an unknown column'],
  ['nonsense\n', 'the line is not a JSON object'],
  ['["user@example.com"]\n', 'the line is not a JSON object'],
  [line(25, { email: 'USER1@example.com ' }), 'line 1 has the same e-mail or id'],
  [`${'[[['.repeat(10_000)}\n`, 'the line is not a JSON object'],
  [line(27, { name: 'x\u001b]0;title\u0007' })],
]

t.test('reports every bad line by its number, and never a hash', async (t) => {
  const scene = await setScene(t)

  const { code, stdout, stderr, result, badLines } = await importText(
    scene,
    'users.ndjson',
    LINES.map(([text]) => text).join(''),
  )

  t.equal(code, 3)
  const expected = LINES.map(([, reason], index) => [index + 1, reason] as const)
  for (const [number, reason] of expected) {
    if (reason === undefined) t.notOk(badLines[number], `line ${number}`)
    else t.match(badLines[number]?.join(), reason, `line ${number}`)
  }
  const bad = expected.filter(([, reason]) => reason !== undefined).length
  t.match(result, { lines: LINES.length, imported: 0, bad, held_back: LINES.length - bad })
  t.notMatch(stdout + stderr, /\$\d\d\$|argon2id|correct horse/, 'no hash, and no password')
  t.equal(await lookInto(t, scene).value('select count(*) from users'), 0, 'all or nothing')

  const human = await users(scene, ['import', `${scene.cwd}/users.ndjson`, '--skip-bad'])
  t.equal(human.code, 3)
  t.match(human.stderr, /^line 2: email must be an e-mail address$/m)
  t.match(human.stdout, `Lines: ${LINES.length}; imported: 2, unchanged: 0, bad: ${bad}.`)
})

onEachDatabase(t, 'imports a batch completely or not at all', async (t, scene) => {
  await importText(scene, 'before.ndjson', line(100, { id: OTHER_ID }) + line(200))
  const lines = Array.from({ length: 30 }, (_, index) => line(index))
  lines[4] = line(4, { email: 'nobody' })
  lines[15] = line(100, { hashed_password: hashOf(1) })
  lines[17] = line(17, { id: OTHER_ID })
  lines[18] = line(200)
  const file = lines.join('')

  const first = await importText(scene, 'users.ndjson', file, ['--batch-size', '10'])

  t.equal(first.code, 3)
  t.same(first.badLines, {
    5: ['email must be an e-mail address'],
    16: ['a user with this e-mail already exists, with other values'],
    18: ['the id belongs to a user with another e-mail'],
  })
  t.match(first.result, { lines: 30, imported: 10, unchanged: 1, bad: 3, held_back: 9 + 7 })
  const db = lookInto(t, scene)
  const count = async (from: number, to: number) => {
    const emails = Array.from({ length: to - from }, (_, index) => `'user${from + index}@example.com'`)
    return await db.value(`select count(*) from users where email in (${emails.join()})`)
  }
  t.same([await count(0, 10), await count(10, 20), await count(20, 30)], [0, 0, 10])

  lines[4] = line(4)
  lines[17] = line(17)
  const repaired = lines.join('')
  const second = await importText(scene, 'users.ndjson', repaired, ['--batch-size', '10', '--skip-existing'])
  t.equal(second.code, 0)
  t.match(second.result, { imported: 18, unchanged: 11, skipped: 1, bad: 0, held_back: 0 })
  t.equal(await db.value('select count(*) from users'), 30)
  t.equal(await db.value(`select count(*) from audit_events where reason = 'imported'`), 30)
})
