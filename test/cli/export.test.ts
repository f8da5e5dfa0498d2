import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { places } from './places.ts'
import { HASH, importText, line, onEachDatabase, setScene, users } from './user-scene.ts'

const USERS = [
  line(1, { name: 'Zoë "Zo", 🦉\r\nof <b>', created_at: '2020-02-29T12:00:00.001Z' }),
  line(2, { id: '01a20490-3f02-7409-818a-1861e0ce0328', disabled_at: '2026-01-01T00:00:00Z' }),
  line(3, { name: '=HYPERLINK("x")' }),
  line(4, { name: '\u001b[31m\ta\\tb\\\n\\.\n李雷', hashed_password: HASH.replace('$2b$', '$2y$') }),
  line(5, { name: '\\N' }),
]

for (const format of ['ndjson', 'csv']) {
  onEachDatabase(t, `exports ${format} that another database imports unchanged`, async (t, scene) => {
    const many = Array.from({ length: 2000 }, (_, index) => line(1000 + index))
    await importText(scene, 'users.ndjson', [...USERS, ...many].join(''))
    const file = join(scene.cwd, `export.${format}`)

    const exported = await users(scene, ['export', '--with-hashes', '--output', file])

    t.equal(exported.code, 0, exported.stderr)
    t.match(exported.stderr, /^Exported: 2,005 rows/m)
    t.equal(statSync(file).mode & 0o777, 0o600)
    const text = readFileSync(file, 'utf8')
    for (const kind of Object.keys(places).filter((kind) => !t.name.endsWith(kind))) {
      await t.test(`to ${kind}`, async (t) => {
        const other = await setScene(t, kind)
        const imported = await importText(other, `users.${format}`, text)
        t.match([imported.code, imported.result], [0, { imported: 2005, bad: 0 }])
        const { stdout } = await users(other, ['export', '--with-hashes', '--format', format])
        t.ok(stdout === text, 'byte by byte')
        const again = await importText(other, `users.${format}`, text)
        t.match(
          [again.code, again.result],
          [0, { imported: 0, unchanged: 2005 }],
          'importing it again changes nothing',
        )
      })
    }
  })
}

t.test('exports no hashes by default, and overwrites nothing', async (t) => {
  const scene = await setScene(t)
  await importText(scene, 'users.ndjson', USERS.join(''))

  const ndjson = await users(scene, ['export'])
  t.equal(ndjson.code, 0)
  t.same(Object.keys(JSON.parse(ndjson.stdout.split('\n')[0] ?? '')), [
    'id',
    'email',
    'name',
    'created_at',
    'disabled_at',
  ])
  const csv = await users(scene, ['export', '--format', 'csv'])
  t.match(csv.stdout, /^id,email,name,created_at,disabled_at\n/)
  for (const { stdout } of [ndjson, csv]) t.notMatch(stdout, /\$2[aby]\$/)
  t.notMatch(ndjson.stdout.replaceAll('\n', ''), /\p{C}/u, 'no control characters')

  const file = join(scene.cwd, 'there.csv')
  writeFileSync(file, 'mine')
  const refused = await users(scene, ['export', '--output', file])
  t.equal(refused.code, 1)
  t.match(refused.stderr, 'there.csv')
  t.equal(readFileSync(file, 'utf8'), 'mine')
})
