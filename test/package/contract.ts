import { execFile } from 'node:child_process'
import { globSync, mkdtempSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { nodeCommand } from '../node-command.ts'
import { COMPILE_CACHE, plugin, project, ROOT } from './project.ts'

/**
 * The tests of behaviour that the process adds and a host app decides. A test in this list must fail in a host app, or
 * it must be removed from it.
 */
const OF_THE_PROCESS: Record<string, Record<string, string>> = {
  'docs.test.ts': {
    'sends the files of the docs page compressed, to clients that can read that': 'its own page',
    'DOCS=false switches the page off, and nothing else': 'its own page',
  },
  'normal-path.test.ts': {
    'refuses a path that is not in its normal form, whatever it leads to': 'the host has a router',
  },
  'errors.test.ts': {
    'answers a method that the process does not support with 405 and those that it does': 'its own routes',
    'answers a path that is not exactly an endpoint with 404': 'the host has a not-found handler',
    'answers a malformed URL with 400 and the request id that is in the log':
      'the host has a router, and ids',
    'answers a header over 16 KiB with 431, whichever field is large': 'the host has a server',
    'answers malformed HTTP with 400': 'the host has a server',
  },
  'headers.test.ts': {
    'sends headers that keep browsers from misusing a response': 'for a host: @fastify/helmet',
    'returns and logs the request id that the caller sent': 'the host has ids of its own',
    'creates a request id if the caller sent none that is safe to log': 'the host has ids of its own',
    'allows the origins of CORS_ORIGIN and no others': 'for a host: @fastify/cors',
    'answers a preflight request': 'for a host: @fastify/cors',
    'answers an OPTIONS request that is not a preflight without an error': 'for a host: @fastify/cors',
  },
  'health.test.ts': {
    '/healthz answers ok without credentials': 'its own routes',
    '/healthz refuses POST': 'its own routes',
    '/readyz answers ok without credentials': 'its own routes; for a host: app.postern.ping',
    '/readyz refuses POST': 'its own routes',
    'the service is alive but not ready while the database fails, and ready again afterwards':
      'its own routes',
  },
  'jwks.test.ts': {
    'refuses a request whose header is too large': 'the host has a server',
  },
  'verify-any-request.test.ts': {
    'decides the same for every path below /verify, even if it is malformed':
      'the host has a router; rewriteUrl can help',
  },
}

/** Runs the tests of a file. @returns their names, and whether they passed */
async function runTests(path: string, env: NodeJS.ProcessEnv): Promise<Map<string, boolean>> {
  const run = promisify(execFile)
  // Its own directory, since tap puts the tests' directories there, and the same tests may run at the same time.
  const cwd = mkdtempSync(join(project, 'contract-'))
  const options = {
    cwd,
    env: { ...COMPILE_CACHE, ...env, PATH: process.env['PATH'], TAP_TIMEOUT: '300' },
    maxBuffer: 2 ** 28,
  }
  const { stdout } = await run(...nodeCommand([path]), options).catch((error) => error)
  const results = [...`${stdout}`.matchAll(/^(not )?ok \d+ - (.*?)(?: # time=.*)?$/gm)]
  return new Map(results.map(([, not, name = '']) => [name.replaceAll('\\#', '#'), not === undefined]))
}

/**
 * Runs the tests of the endpoints, which are the standalone server's, against the packed plugin in a host.
 *
 * @param env the kind of host app, as `test/packed-host.ts` reads it
 */
export async function assertContract(t: Test, env: NodeJS.ProcessEnv): Promise<void> {
  const paths = globSync('test/routes/*.test.ts', { cwd: ROOT }).sort()
  t.ok(Object.keys(OF_THE_PROCESS).every((name) => paths.some((path) => basename(path) === name)))

  for (const path of paths) {
    await t.test(path, async (t) => {
      const exempt = OF_THE_PROCESS[basename(path)] ?? {}
      const results = await runTests(join(ROOT, path), { POSTERN_TEST_PLUGIN: plugin, ...env })
      t.ok(results.size > 0, 'there are tests')
      for (const [name, passed] of results) {
        const reason = exempt[name]
        if (reason === undefined) t.ok(passed, name)
        else t.notOk(passed, `${name}: not in a host (${reason})`)
      }
      for (const name of Object.keys(exempt)) t.ok(results.has(name), `still exists: ${name}`)
    })
  }
}
