import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/settings/environment.ts'
import { createDirectory } from '../gateways/gateways.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))

/** Long enough for Postern to accept it. */
const SECRET_KEY = 'never-a-secret-of-a-real-deployment'

interface Service {
  image: string
  build?: object
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  privileged?: boolean
  environment: Record<string, string>
  networks: Record<string, { ipv4_address?: string }> | string[]
  ports?: string[]
  depends_on?: Record<string, { condition: string }>
}

interface Composition {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean; ipam?: { config: { subnet: string }[] } }>
}

/** The configuration that Compose reads from `compose.yaml` with these lines in `.env`. */
function configure(t: Test, variables: Record<string, string>) {
  const directory = createDirectory(t)
  const file = join(directory, 'compose.yaml')
  const source = readFileSync(join(EXAMPLES, 'compose.yaml'), 'utf8')
  // Debian's docker-compose, of 2021, does not know this file name.
  writeFileSync(file, source.replace(/^name: .*\n/m, ''))
  writeFileSync(
    join(directory, '.env'),
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const { status, stdout, stderr, error } = spawnSync(
    'docker-compose',
    ['--env-file', join(directory, '.env'), '--project-directory', EXAMPLES, '-f', file, 'config'],
    { encoding: 'utf8', env: { PATH: process.env['PATH'] } },
  )
  if (error) throw error
  return { status, stdout, stderr }
}

/** Parses YAML with the library that docker-compose depends on. */
function parseYaml(text: string): Composition {
  const { stdout } = spawnSync(
    '/usr/bin/python3',
    ['-c', 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'],
    { input: text, encoding: 'utf8' },
  )
  return JSON.parse(stdout)
}

function compose(t: Test): Composition {
  const { status, stdout, stderr } = configure(t, { SECRET_KEY, POSTGRES_PASSWORD: 'swordfish' })
  t.equal(status, 0, stderr)
  return parseYaml(stdout)
}

function addressIn(service: Service | undefined, network: string): string | undefined {
  return service && !Array.isArray(service.networks) ? service.networks[network]?.ipv4_address : undefined
}

const instanceNames = ['postern-1', 'postern-2', 'postern-3']

t.test('does not start without the secrets, and has no defaults for them', async (t) => {
  for (const variables of [
    {},
    { SECRET_KEY },
    { POSTGRES_PASSWORD: 'x' },
    { SECRET_KEY: '', POSTGRES_PASSWORD: 'x' },
  ]) {
    const { status, stderr } = configure(t, variables as Record<string, string>)
    t.not(status, 0, Object.keys(variables).join())
    t.match(stderr, /put it into \.env/)
  }
})

t.test('gives three instances settings that Postern accepts', async (t) => {
  const { services } = compose(t)
  for (const name of instanceNames) {
    const environment = services[name]?.environment ?? {}
    const config = readConfig(environment)
    t.match(config, {
      databaseUrl: 'postgres://postern:swordfish@postgres:5432/postern',
      secretKey: SECRET_KEY,
    })
    t.strictSame({ ...environment }, { ...services['postern-1']?.environment }, 'the same settings for each')
    t.equal(services[name]?.depends_on?.['postgres']?.condition, 'service_healthy')
    t.ok(services[name]?.build)
  }
})

t.test('trusts only the balancer for the address of a client', async (t) => {
  const { services, networks } = compose(t)
  const { balancer } = services
  const instances = instanceNames.map((name) => services[name])
  const address = addressIn(balancer, 'front')
  t.match(address, /^172\.30\.71\.\d+$/)
  t.same(networks['front']?.ipam?.config, [{ subnet: '172.30.71.0/24' }])

  for (const instance of instances) t.equal(instance?.environment['TRUST_PROXY'], address)
  t.same(
    ['POSTERN_1', 'POSTERN_2', 'POSTERN_3'].map((name) => balancer?.environment[name]),
    instances.map((instance) => `${addressIn(instance, 'front')}:3000`),
  )
})

t.test('exposes only the balancer, and gives the database no access to other networks', async (t) => {
  const { services, networks } = compose(t)
  const published = Object.entries(services).flatMap(([name, { ports = [] }]) =>
    ports.map((port) => [name, port]),
  )
  t.same(published, [['balancer', '127.0.0.1:8080:8080/tcp']])
  t.same(Object.keys(services['postgres']?.networks ?? {}), ['back'])
  t.equal(networks['back']?.internal, true)
  t.same(Object.keys(services['balancer']?.networks ?? {}), ['front'])
})

t.test('runs each container without privileges and on a read-only file system', async (t) => {
  const { services } = compose(t)
  t.same(Object.keys(services).sort(), ['balancer', ...instanceNames, 'postgres'].sort())
  for (const [name, service] of Object.entries(services)) {
    t.same(service.cap_drop, ['ALL'], name)
    t.equal(service.read_only, true, name)
    t.same(service.security_opt, ['no-new-privileges:true'], name)
    t.notOk(service.privileged, name)
    t.match(service.image, name.startsWith('postern') ? /^postern$/ : /^[a-z]+:\d/, 'a fixed version')
  }
})
