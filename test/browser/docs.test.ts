import { type Browser, chromium, type Locator, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { ada, createApp } from '../helper.ts'

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

/** A browser that sends no requests of its own. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

interface DocsPage {
  page: Page
  /** Errors and warnings in the browser's console. */
  complaints: string[]
  /** URLs of other servers that the page requested. */
  foreignRequests: string[]
}

/** Opens the docs page of a listening server, with Ada registered. */
async function openDocs(t: Test, browser: Browser): Promise<DocsPage> {
  const app = await createApp(t)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  await app.inject({ method: 'POST', url: '/register', payload: ada })

  const context = await browser.newContext()
  t.teardown(() => context.close())
  const complaints: string[] = []
  const foreignRequests: string[] = []
  context.on('request', (request) => {
    if (!request.url().startsWith(`${address}/`) && !request.url().startsWith('data:')) {
      foreignRequests.push(request.url())
    }
  })
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(error.error().message))
  // A string, since it runs in the page.
  await context.addInitScript(`document.addEventListener('securitypolicyviolation', (event) =>
    console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI))`)

  const page = await context.newPage()
  await page.goto(`${address}/docs`)
  await page.getByText('Get the current user', { exact: true }).waitFor()
  return { page, complaints, foreignRequests }
}

/** Opens the Authorize dialog and sends a name and a password by the OAuth 2 password flow. */
async function authorize(page: Page, username: string, password: string): Promise<Locator> {
  await page.getByRole('button', { name: 'Authorize' }).click()
  const form = page.locator('.auth-container', { hasText: 'OAuth2, password' })
  await form.getByLabel('username:').fill(username)
  await form.getByLabel('password:', { exact: true }).fill(password)
  await form.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click()
  return form
}

/** Presses Try it out and Execute of an operation, and waits for the response. */
async function execute(page: Page, operationId: string): Promise<Locator> {
  const operation = page.locator(`[id$="-${operationId}"]`)
  await operation.locator('.opblock-summary-control').click()
  await operation.getByRole('button', { name: 'Try it out' }).click()
  await operation.getByRole('button', { name: 'Execute' }).click()
  const response = operation.locator('.live-responses-table tr.response')
  await response.waitFor()
  return response
}

/** The text of the dialog once it has a token. */
function authorized(form: Locator): Locator {
  return form.getByRole('heading', { name: 'Authorized', exact: true })
}

t.test('in a browser', async (t) => {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS })
  t.teardown(() => browser.close())

  await t.test(
    'the docs page shows every endpoint, without errors and only from its own server',
    async (t) => {
      const { page, complaints, foreignRequests } = await openDocs(t, browser)

      t.equal(await page.title(), 'Postern')
      const paths = await page.locator('.opblock-summary-path').allInnerTexts()
      for (const path of ['/register', '/login', '/getUser', '/logout']) t.ok(paths.includes(path), path)
      t.same(complaints, [])
      t.same(foreignRequests, [])
    },
  )

  await t.test('Authorize logs a registered user in, and Try it out on getUser shows the user', async (t) => {
    const { page, complaints, foreignRequests } = await openDocs(t, browser)

    const form = await authorize(page, ada.email, ada.password)
    await authorized(form).waitFor()
    await form.getByRole('button', { name: 'Close' }).click()
    const response = await execute(page, 'getUser')

    t.equal(await response.locator('.response-col_status').innerText(), '200')
    t.match(await response.locator('.response-col_description').innerText(), `"email": "${ada.email}"`)
    t.same(complaints, [])
    t.same(foreignRequests, [])
  })

  await t.test('Authorize shows an error for a wrong password, and getUser is refused', async (t) => {
    const { page, foreignRequests } = await openDocs(t, browser)

    const form = await authorize(page, ada.email, 'a wrong password')
    const error = form.locator('.errors')
    await error.waitFor()

    t.match(await error.innerText(), 'Auth Error')
    t.equal(await authorized(form).count(), 0)
    await form.getByRole('button', { name: 'Close' }).click()
    const response = await execute(page, 'getUser')
    t.equal(await response.locator('.response-col_status').first().innerText(), '401')
    t.same(foreignRequests, [])
  })
})
