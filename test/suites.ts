/** A part of the tests that `npm test` leaves out, because it is slow, rarely fails, or needs other programs. */
export interface Suite {
  /** What it tests. */
  about: string
  /** Patterns of its files. */
  files: string[]
  /** What it needs besides Node.js. */
  needs?: string
  /** Options for tap. */
  options?: string[]
  /** The environment of its tests. */
  env?: Record<string, string>
  /** Whether it needs a PostgreSQL server for the whole run. */
  postgres?: true
  /** A script that runs instead of tap, and gets the files. */
  runner?: string
}

/** The tests of the HTTP contract, and those of the plugins that depend on the database. */
export const CONTRACT = [
  'test/routes/*.test.ts',
  ...[
    'audit',
    'authenticate*',
    'key-*',
    'metrics',
    'pruning',
    'signing-keys',
    'throttling-endpoints',
    'tokens',
  ].map((name) => `test/plugins/${name}.test.ts`),
  'test/revocation.test.ts',
]

/** The part of the contract that `npm test` runs on PostgreSQL too. */
export const CORE = [
  'test/routes/{register,login,getUser,logout}.test.ts',
  'test/plugins/authenticate-state.test.ts',
  'test/revocation.test.ts',
]

export const suites: Record<string, Suite> = {
  postgres: {
    about: 'the HTTP contract on PostgreSQL',
    files: [...CONTRACT, 'test/databases-agree.test.ts'],
    env: { TEST_DATABASE: 'postgres' },
    postgres: true,
  },
  cli: { about: 'the commands', files: ['test/cli/*.test.ts'], postgres: true },
  process: { about: 'the server as a process', files: ['test/process/*.test.ts'], postgres: true },
  faults: {
    about: 'a database that stops, is silent or refuses, power cuts, and overload',
    files: [
      'test/faults/*.test.ts',
      'test/drizzle/{memory-rate-limits,postgres-copy,postgres-pool,unavailable}.test.ts',
    ],
    postgres: true,
  },
  embedding: { about: 'the plugin in other apps', files: ['test/embedding/*.test.ts'] },
  package: {
    about: 'the packed plugin in an empty project: its types, its command and the endpoints',
    files: ['test/package/*.test.ts'],
    runner: 'test/package/run.ts',
  },
  browser: {
    about: 'the docs page in a browser',
    files: ['test/browser/*.test.ts'],
    needs: 'Chromium: CHROMIUM_PATH, or /usr/bin/chromium',
  },
  gateways: {
    about: 'the recipes in examples/gateways',
    files: ['test/gateways/*.test.ts'],
    needs: "Debian's nginx, caddy and haproxy",
    options: ['--timeout=300', '--jobs=1'],
  },
  clients: {
    about: 'the OAuth endpoints, with client libraries',
    files: ['test/clients/*.test.ts'],
    needs: "Debian's python3-jwt",
    options: ['--timeout=300'],
  },
  monitoring: {
    about: 'examples/monitoring',
    files: ['test/monitoring/*.test.ts'],
    needs: "Debian's prometheus",
    options: ['--timeout=300'],
  },
  instances: {
    about: 'many instances on one PostgreSQL',
    files: ['test/instances/*.test.ts'],
    needs: "Debian's haproxy and pgbouncer",
    options: ['--timeout=300', '--jobs=1'],
  },
  deployment: {
    about: 'compose.yaml, the systemd unit and the load balancers in examples',
    files: ['test/deployment/*.test.ts'],
    needs: "Debian's docker-compose, systemd, nginx and haproxy",
    options: ['--timeout=600', '--jobs=1'],
  },
  sandbox: {
    about: 'the Dockerfile and the systemd unit, built and run; mounts file systems',
    files: ['test/sandbox/*.test.ts'],
    needs: "root, and Debian's buildah, debootstrap and systemd-container",
    options: ['--timeout=900', '--jobs=1'],
  },
}
