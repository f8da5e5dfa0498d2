import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import t from 'tap'
import { type Block, MAX_LINE_BYTES, readBlocks } from '../../src/commands/users/import/lines.ts'
import { hashOf, importText, line, lookInto, setScene, users } from './user-scene.ts'

const HEADER = 'email,hashed_password,name\n'

const row = (index: number, name = '') => `user${index}@example.com,${hashOf(index)},${name}\n`

t.test('reads CSV with its variations', async (t) => {
  const scene = await setScene(t)
  const text = [
    '\ufeff"Name", EMAIL ,hashed_password',
    `"Ada ""the first""\r\nLovelace, Countess",ada@example.com,${hashOf(1)}`,
    '',
    `,bob@example.com,${hashOf(2)}`,
    `=1+1,eve@example.com,${hashOf(3)}`,
  ].join('\r\n')

  const { code, result, stderr } = await importText(scene, 'users.csv', text)

  t.equal(code, 0, stderr)
  t.match(result, { lines: 3, imported: 3 })
  t.same(await lookInto(t, scene).all('select email, name from users order by email'), [
    { email: 'ada@example.com', name: 'Ada "the first"\r\nLovelace, Countess' },
    { email: 'bob@example.com', name: null },
    { email: 'eve@example.com', name: '=1+1' },
  ])
})

t.test('reads NDJSON with its variations', async (t) => {
  const scene = await setScene(t)
  const text = `\ufeff${line(1)}\r\n${line(2).trim()}\r\n   \n${line(3).trim()}`

  const { code, result, stderr } = await importText(scene, 'users.jsonl', text)

  t.equal(code, 0, stderr)
  t.match(result, { lines: 3, imported: 3, bad: 0 })
})

t.test('names the line in which a file is wrong', async (t) => {
  const scene = await setScene(t)
  const fine = row(1) + row(2)
  const quoted = `${HEADER}user8@example.com,${hashOf(8)},"two\nlines"\n`
  const files: [name: string, text: string | Buffer, badLines: Record<number, RegExp>][] = [
    ['empty.csv', '', { 1: /the file is empty/ }],
    ['columns.csv', `mail,hashed_password\n${fine}`, { 1: /mail is not a column/ }],
    ['plain.csv', `email,password\n${fine}`, { 1: /only hashes are imported/ }],
    ['missing.csv', 'email,name\n', { 1: /does not name the column hashed_password/ }],
    ['twice.csv', 'email,hashed_password,email\n', { 1: /named twice/ }],
    ['short.csv', `${quoted}a@b,${hashOf(9)}\n\n${row(1)}a,b,c,d\n`, { 4: /2 fields/, 7: /4 fields/ }],
    ['crlf.csv', `${quoted}a@b,${hashOf(9)}\n`.replaceAll('\n', '\r\n'), { 4: /2 fields/ }],
    ['quote.csv', `${HEADER}${row(1)}${row(2, '"Bob')}${row(3)}`, { 3: /quote is not closed; the rest/ }],
    ['inner.csv', `${HEADER}${row(1)}${row(2, 'B"ob')}${row(3)}`, { 3: /does not begin with a quote/ }],
    ['after.csv', `${HEADER}${row(1)}${row(2, '"Bob"x')}${row(3)}`, { 3: /closing quote is not followed/ }],
    [
      'latin1.csv',
      Buffer.from(`${HEADER}${row(1, 'Zoë')}${row(2)}`, 'latin1'),
      { 2: /name must be well-formed/ },
    ],
    ['latin1.ndjson', Buffer.from(line(1) + line(2, { name: 'Zoë' }), 'latin1'), { 2: /not UTF-8 text/ }],
    ['long.ndjson', `${line(1)}{"name":"${'x'.repeat(70_000)}"}\n`, { 2: /longer than 65536 bytes/ }],
    [
      'long.csv',
      `${HEADER}${row(1)}${row(2, 'x'.repeat(70_000))}${row(3)}`,
      { 3: /longer than 65536 bytes.*; the rest/ },
    ],
  ]
  for (const [name, text, expected] of files) {
    const { code, stderr, badLines, result } = await importText(scene, name, text)
    t.equal(code, 3, `${name}: ${stderr}`)
    t.same(Object.keys(badLines), Object.keys(expected), name)
    for (const [number, reason] of Object.entries(expected))
      t.match(badLines[Number(number)]?.join(), reason, name)
    t.equal(result['imported'], 0, name)
  }
  t.equal(await lookInto(t, scene).value('select count(*) from users'), 0)

  const empty = await importText(scene, 'empty.ndjson', '')
  t.match([empty.code, empty.result], [0, { lines: 0, imported: 0 }], 'an empty file is not bad')
})

t.test('imports the lines before and after one of 10 MB', async (t) => {
  const scene = await setScene(t)
  const file = join(scene.cwd, 'users.ndjson')
  const output = createWriteStream(file)
  output.write(line(1))
  output.write('{"email":"')
  for (let part = 0; part < 160; part++) output.write('x'.repeat(65_536))
  output.end(`"}\n${line(3)}`)
  await finished(output)

  const { code, stderr, stdout } = await users(scene, ['import', file, '--skip-bad'])

  t.equal(code, 3)
  t.match(stderr, 'line 2: the line is longer than 65536 bytes')
  t.match(stdout, 'Lines: 3; imported: 2, unchanged: 0, bad: 1.')
})

t.test('holds no more of a file than one read and one line', async (t) => {
  const chunk = Buffer.alloc(10_000, 'x')
  async function* endless() {
    yield Buffer.from('one\ntw')
    for (let part = 0; part < 1000; part++) yield chunk
    yield Buffer.from('o\nthree\n')
  }

  const blocks: Block[] = []
  for await (const block of readBlocks(endless())) blocks.push(block)

  const [first, second, third] = blocks
  t.equal(blocks.length, 3)
  t.match([first?.line, first?.bytes.toString()], [1, 'one\n'])
  t.match([second?.line, second?.isTooLong, second?.bytes.length], [2, true, MAX_LINE_BYTES])
  t.match([third?.line, third?.isTooLong, third?.bytes.toString()], [3, false, 'three\n'])
})
