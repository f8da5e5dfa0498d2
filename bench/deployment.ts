/** A deployment to measure: a database with users, and their tokens. */
import { createPrivateKey, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import { v7 as uuidv7 } from 'uuid'
import { openDatabase } from '../drizzle/index.ts'
import { createSealer } from '../plugins/signing-keys/sealing.ts'
import { type Server, startPostern, stop } from './processes.ts'

const SECRET_KEY = 'a secret for benchmarks, of 32 bytes or more'

/** A user whose password the load knows. */
export const ada = { email: 'ada@example.com', password: 'correct horse battery staple' }

export interface Deployment extends Server {
  env: Record<string, string>
  /** PEM. */
  publicKey: string
  /** Tokens of so many logins, signed here with the deployment's key. */
  createTokens(count: number): string[]
  end(): Promise<void>
}

interface DeploymentOptions {
  /** A new SQLite file by default. Another database is used as it is, without users and revoked tokens. */
  databaseUrl?: string
  users?: number
  revoked?: number
  /** The only core that it may use; null for all, to measure hashing. */
  core?: number | null
}

/** Starts Postern on a database with that many users and revoked tokens. */
export async function deploy(options: DeploymentOptions = {}): Promise<Deployment> {
  const { users = 1, revoked = 0, core = 0 } = options
  const directory = mkdtempSync(join(tmpdir(), 'postern-bench-'))
  const path = join(directory, 'postern.db')
  const databaseUrl = options.databaseUrl ?? path
  if (databaseUrl === path) {
    await (await openDatabase(path)).close()
    fill(path, users, revoked)
  }
  const settings = { DATABASE_URL: databaseUrl, SECRET_KEY, ACCESS_TOKEN_EXPIRE_MINUTES: '600' }
  const server = await startPostern(settings, core)
  const userId = await register(server.port)
  const { publicKey, createToken } = await openKey(databaseUrl, userId)
  return {
    ...server,
    env: settings,
    publicKey,
    createTokens: (count) => Array.from({ length: count }, createToken),
    async end() {
      await stop(server)
      rmSync(directory, { recursive: true })
    },
  }
}

function fill(path: string, users: number, revoked: number): void {
  const db = new SqliteDriver(path)
  const now = Date.now()
  const user = db.prepare("insert into users values (?, ?, 'Somebody', '$2b$12$nobody', ?, null, 0)")
  const token = db.prepare('insert into blacklisted_tokens values (?, ?, ?, ?)')
  db.transaction(() => {
    for (let index = 1; index < users; index++) user.run(uuidv7(), `${index}@example.com`, now)
    for (let index = 0; index < revoked; index++) token.run(uuidv7(), uuidv7(), now + 36_000_000, now)
  })()
  db.pragma('wal_checkpoint(truncate)')
  db.close()
}

async function register(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...ada, name: 'Ada Lovelace' }),
  })
  return ((await response.json()) as { id: string }).id
}

async function openKey(
  databaseUrl: string,
  userId: string,
): Promise<{ publicKey: string; createToken(): string }> {
  const database = await openDatabase(databaseUrl)
  const key = (await database.signingKeys.list()).at(-1)
  await database.close()
  if (!key?.publicKey) throw new Error('there is no key')
  const privateKey = createPrivateKey(createSealer(SECRET_KEY).open(key.sealedPrivateKey, key))
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: key.kid })
  const iat = Math.floor(Date.now() / 1000)
  const createToken = () => {
    const claims = { iss: 'postern', aud: 'postern', client_id: 'postern', sub: userId, jti: uuidv7() }
    const text = `${header}.${encode({ ...claims, iat, exp: iat + 36_000, ver: 0, email: ada.email })}`
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
  return { publicKey: key.publicKey, createToken }
}

/** A GET request with a bearer token, as bytes on the wire. */
export function get(path: string, token: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
}

/** A POST request with a JSON body, as bytes on the wire. */
export function post(path: string, body: object): string {
  const text = JSON.stringify(body)
  const headers = [
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ]
  return [`POST ${path} HTTP/1.1`, ...headers, '', text].join('\r\n')
}
