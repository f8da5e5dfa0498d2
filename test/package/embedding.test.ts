import { execFile } from 'node:child_process'
import { globSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { nodeCommand } from '../node-command.ts'
import { COMPILE_CACHE, plugin, project, ROOT } from './project.ts'

for (const path of globSync('test/embedding/*.test.ts', { cwd: ROOT }).sort()) {
  t.test(`the packed plugin passes ${path}`, async (t) => {
    const env = {
      ...COMPILE_CACHE,
      POSTERN_TEST_PLUGIN: plugin,
      PATH: process.env['PATH'],
      TAP_TIMEOUT: '300',
    }
    const { code = 0, stdout } = await promisify(execFile)(...nodeCommand([join(ROOT, path)]), {
      cwd: mkdtempSync(join(project, 'embedding-')),
      env,
      maxBuffer: 2 ** 28,
    }).catch((error) => error)
    t.equal(code, 0, `${stdout}`.replaceAll(/^ *ok .*\n/gm, ''))
  })
}
