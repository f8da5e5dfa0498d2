import { bearer } from '../helper.ts'

/** A user, and what a test may expect of them. */
interface LoadUser {
  email: string
  password: string
  /** Set once the registration has been answered. */
  id?: string
  /** Whether the response to a registration was lost, so that it may have happened. */
  isDoubtful: boolean
}

/** A login, and what a test may expect of its token. */
interface Login {
  user: LoadUser
  token: string
  /** Whether the response to a logout was lost, so that it may have happened. */
  isDoubtful: boolean
}

/** A response of the service, or what came instead of it. */
interface Answer {
  status: number
  code: string | undefined
  body: Record<string, unknown>
}

export interface LoadOptions {
  /** The URL to which to send the next request. */
  address: () => string
  people: number
  /** Milliseconds between two requests of a user, on average. */
  pause: number
}

/**
 * Users who register, log in, check their token and log out, at random, and compare every response with what they did
 * before.
 */
export interface Load {
  /** The number of responses of each kind, as in `login 200` and `logout 503 database_unavailable`. */
  answers: Record<string, number>
  /** Responses that the service must never send. */
  violations: string[]
  /** When the last response of a kind came, by `performance.now()`. */
  lastSeen: Map<string, number>
  /** Registrations that were answered 201. */
  users: LoadUser[]
  /** Tokens whose logout was answered 200. */
  endedTokens: string[]
  /** Waits until all users have finished. */
  stop(): Promise<void>
  /** Checks each user and each ended token once more. */
  settle(): Promise<void>
}

/** Milliseconds after which a response is lost: longer than all timeouts of the service. */
const PATIENCE = 20_000

/** The codes of a service that cannot serve a request, each with `Retry-After`. */
const UNAVAILABLE = ['database_unavailable', 'overloaded', 'service_unavailable']

let count = 0

/** Starts the users. */
export function startLoad({ address, people, pause }: LoadOptions): Load {
  const answers: Load['answers'] = {}
  const violations: string[] = []
  const lastSeen: Load['lastSeen'] = new Map()
  const users: LoadUser[] = []
  const endedTokens: string[] = []
  let isStopped = false

  async function ask(action: string, send: () => Promise<Response>): Promise<Answer> {
    const answer = await receive(send)
    const { status, code } = answer
    const kind = [action, status || 'lost', code].filter((part) => part !== undefined).join(' ')
    answers[kind] = (answers[kind] ?? 0) + 1
    lastSeen.set(code ?? `${status}`, performance.now())
    return answer
  }

  async function receive(send: () => Promise<Response>): Promise<Answer> {
    try {
      const response = await send()
      const { status, headers } = response
      const type = headers.get('content-type') ?? ''
      // A balancer's own page instead of the service's response.
      if (type.startsWith('text/html')) return { status: 0, code: `balancer ${status}`, body: {} }
      if (!/^application\/(problem\+)?json/.test(type)) violations.push(`${status} of the type ${type}`)
      if (status === 503 && !/^\d+$/.test(headers.get('retry-after') ?? '')) {
        violations.push('503 without Retry-After')
      }
      const body = (await response.json()) as Answer['body']
      return { status, code: body['code'] as string | undefined, body }
    } catch (error) {
      const { cause, name } = error as Error & { cause?: { code?: string } }
      if (name === 'TimeoutError') violations.push('no response at all')
      return { status: 0, code: cause?.code ?? name, body: {} }
    }
  }

  /** Whether a response reports a failure. One that the contract does not allow is recorded as a violation. */
  function failed(action: string, { status, code }: Answer, expected: boolean): boolean {
    if (expected) return false
    const isAllowed = status === 0 || (status === 503 && UNAVAILABLE.includes(code ?? ''))
    if (!isAllowed) violations.push(`${action}: ${status} ${code}`)
    return true
  }

  async function register(): Promise<LoadUser | undefined> {
    count += 1
    const email = `person-${process.pid}-${count}@example.com`
    const user: LoadUser = { email, password: `the password of person ${count}`, isDoubtful: false }
    while (!isStopped) {
      const answer = await ask('register', () => post('/register', { ...user, isDoubtful: undefined }))
      const { status, body } = answer
      if (status === 201) {
        user.id = body['id'] as string
        users.push(user)
        return user
      }
      if (status === 409 && user.isDoubtful) return user
      failed('register', answer, false)
      user.isDoubtful = true
      await rest()
    }
    return undefined
  }

  async function logIn(user: LoadUser): Promise<Login | undefined> {
    const { email, password } = user
    while (!isStopped) {
      const answer = await ask('login', () => post('/login', { email, password }))
      if (!failed('login', answer, answer.status === 200)) {
        return { user, token: answer.body['access_token'] as string, isDoubtful: false }
      }
      await rest()
    }
    return undefined
  }

  async function check({ user, token, isDoubtful }: Login): Promise<void> {
    const answer = await ask('getUser', () => get('/getUser', token))
    const isEnded = isDoubtful && answer.status === 401 && answer.code === 'invalid_token'
    if (failed('getUser', answer, answer.status === 200 || isEnded)) return
    if (
      !isEnded &&
      (answer.body['email'] !== user.email || (user.id ?? answer.body['id']) !== answer.body['id'])
    ) {
      violations.push('getUser: another user')
    }
  }

  async function logOut(login: Login): Promise<void> {
    while (!isStopped) {
      const answer = await ask('logout', () => post('/logout', undefined, login.token))
      if (!failed('logout', answer, answer.status === 200)) {
        endedTokens.push(login.token)
        return
      }
      login.isDoubtful = true
      if (Math.random() < 0.5) await check(login)
      await rest()
    }
  }

  async function checkEnded(token: string | undefined): Promise<void> {
    if (token === undefined) return
    const answer = await ask('getUser of an ended token', () => get('/getUser', token))
    const isRefused = answer.status === 401 && answer.code === 'invalid_token'
    failed('getUser of an ended token', answer, isRefused)
  }

  async function live(): Promise<void> {
    await rest()
    let user: LoadUser | undefined
    while (!isStopped) {
      if (!user || Math.random() < 0.2) user = await register()
      const login = user && (await logIn(user))
      if (!login) return
      while (!isStopped && Math.random() < 0.8) {
        await check(login)
        await rest()
      }
      if (isStopped) return
      await logOut(login)
      // At once, at any instances to which a balancer sends them.
      await Promise.all([checkEnded(login.token), checkEnded(login.token)])
      await checkEnded(endedTokens[Math.floor(Math.random() * endedTokens.length)])
      await rest()
    }
  }

  const rest = () => new Promise((resolve) => setTimeout(resolve, isStopped ? 0 : 2 * pause * Math.random()))

  const post = (path: string, body?: object, token?: string) =>
    fetch(`${address()}${path}`, {
      method: 'POST',
      headers: { ...(body && { 'content-type': 'application/json' }), ...(token && bearer(token)) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE),
    })

  const get = (path: string, token: string) =>
    fetch(`${address()}${path}`, { headers: bearer(token), signal: AbortSignal.timeout(PATIENCE) })

  const lives = Array.from({ length: people }, live)

  return {
    answers,
    violations,
    lastSeen,
    users,
    endedTokens,
    async stop() {
      isStopped = true
      await Promise.all(lives)
    },
    async settle() {
      isStopped = false
      await forEach(users, async (user) => {
        if (!(await logIn(user))) violations.push('a user is lost')
      })
      await forEach(endedTokens, checkEnded)
    },
  }
}

/** Runs an action with each item, eight at a time. */
async function forEach<Item>(items: Item[], action: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await action(item)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}
