import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createDirectory } from '../gateways/gateways.ts'

/** The highest accepted exposure level by systemd, times ten: 100 is a service without any of its safeguards. */
const EXPOSURE = 20

const unit = readFileSync(new URL('../../examples/systemd/postern.service', import.meta.url), 'utf8')

/** Writes the unit to a file, with the path of this Node.js. */
function place(t: Test, text: string): string {
  const path = join(createDirectory(t), 'postern.service')
  writeFileSync(path, text.replaceAll('/usr/bin/node', process.execPath))
  return path
}

function analyze(...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  if (error) throw error
  return { status, output: stdout + stderr }
}

t.test('has only directives that systemd knows', async (t) => {
  t.same(analyze('verify', '--man=no', place(t, unit)), { status: 0, output: '' })
  const misspelt = analyze('verify', '--man=no', place(t, unit.replace('ProtectHome=', 'ProtectHouse=')))
  t.match(misspelt.output, 'ProtectHouse')
})

t.test('has a low exposure level by systemd-analyze', async (t) => {
  const security = (text: string) =>
    analyze('security', '--offline=yes', '--no-pager', `--threshold=${EXPOSURE}`, place(t, text))
  const { status, output } = security(unit)
  t.comment(/→ (.*)/.exec(output)?.[1])
  t.equal(status, 0, output)
  t.not(security(unit.replace('ProtectSystem=strict\n', '').replace(/SystemCallFilter.*\n/g, '')).status, 0)
})
