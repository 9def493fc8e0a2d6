import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { main } from '../../examples/print-token.ts'
import { nock } from '../support/nock.ts'

/** One run of the program: what it printed, how it ended, and what reached the server. */
async function run(env: NodeJS.ProcessEnv, status: number, answer: object) {
  const requests: { url: string; headers: Headers; body: string }[] = []
  const scope = nock('https://api.example.com')
    .post('/oauth2/token')
    .reply(async (request: Request) => {
      requests.push({ url: request.url, headers: request.headers, body: await request.text() })
      return [status, answer, { 'content-type': 'application/json', 'cache-control': 'no-store' }]
    })
  const stdout: string[] = []
  const stderr: string[] = []
  const out = {
    log: (...words: unknown[]) => stdout.push(words.join(' ')),
    error: (...words: unknown[]) => stderr.push(words.join(' ')),
  }
  const exitCode = await main(env, out)
  scope.done()
  return { exitCode, stdout: stdout.join('\n'), stderr: stderr.join('\n'), requests }
}

const TOKEN = { access_token: '2YotnFZFEjr1zCsicMWpAA', token_type: 'Bearer', expires_in: 3600 }
const BASIC = `Basic ${Buffer.from('my_client_id_123:my_secret_456').toString('base64')}`

beforeEach(() => {
  nock.disableNetConnect()
  vi.stubEnv('no_proxy', '*')
})
afterEach(() => {
  vi.unstubAllEnvs()
  nock.cleanAll()
  nock.enableNetConnect()
})

describe('the program that prints a token', () => {
  it.each([
    {
      title: 'with Basic unless told otherwise',
      env: {},
      body: 'grant_type=client_credentials',
      authorization: BASIC,
    },
    {
      title: 'with Basic when told so',
      env: { EVERTOKEN_CLIENT_AUTHENTICATION: 'client_secret_basic' },
      body: 'grant_type=client_credentials',
      authorization: BASIC,
    },
    {
      title: 'with Basic, form-encoded, whatever the secret is made of',
      env: { EVERTOKEN_CLIENT_ID: 'a:b', EVERTOKEN_CLIENT_SECRET: 'p%d +é' },
      body: 'grant_type=client_credentials',
      authorization: `Basic ${Buffer.from('a%3Ab:p%25d+%2B%C3%A9').toString('base64')}`,
    },
    {
      title: 'in the body when told so',
      env: { EVERTOKEN_CLIENT_AUTHENTICATION: 'client_secret_post' },
      body: 'client_id=my_client_id_123&client_secret=my_secret_456&grant_type=client_credentials',
      authorization: null,
    },
    {
      title: 'with the scopes asked for',
      env: { EVERTOKEN_SCOPE: 'orders.read orders.write' },
      body: 'grant_type=client_credentials&scope=orders.read+orders.write',
      authorization: BASIC,
    },
  ])('sends the credentials once, $title', async ({ env, body, authorization }) => {
    const { exitCode, stdout, stderr, requests } = await run(env, 200, TOKEN)

    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: TOKEN.access_token, stderr: '' })
    expect(requests).toHaveLength(1)
    const [request] = requests
    expect(request?.url).toBe('https://api.example.com/oauth2/token')
    expect(request?.body.split('&').sort().join('&')).toBe(body)
    expect(request?.headers.get('content-type')).toMatch(/^application\/x-www-form-urlencoded(;|$)/)
    expect(request?.headers.get('accept')).toBe('application/json')
    expect(request?.headers.get('authorization')).toBe(authorization)
  })

  it('says clearly that the secret is wrong, and prints no token', async () => {
    const answer = { error: 'invalid_client', error_description: 'Client authentication failed' }
    const { exitCode, stdout, stderr, requests } = await run({}, 401, answer)

    expect(exitCode).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('invalid_client')
    expect(stderr).toContain('https://api.example.com')
    expect(stderr).not.toContain('my_secret_456')
    expect(requests).toHaveLength(1)
  })

  it('prints a token that was granted three scopes', async () => {
    const { exitCode, stdout } = await run({}, 200, { ...TOKEN, scope: 'orders.read orders.write invoices.read' })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: TOKEN.access_token })
  })

  it('refuses a token whose type is not Bearer', async () => {
    const { exitCode, stdout, stderr } = await run({}, 200, { ...TOKEN, token_type: 'mac' })

    expect(exitCode).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('mac')
    expect(stderr).not.toContain(TOKEN.access_token)
  })

  it('says which setting is wrong before it sends anything', async () => {
    const stderr: string[] = []
    const out = { log: () => expect.unreachable(), error: (message: string) => stderr.push(message) }
    expect(await main({ EVERTOKEN_TOKEN_ENDPOINT: 'http://api.example.com/oauth2/token' }, out)).toBe(1)
    expect(stderr.join()).toContain('`tokenEndpoint` must be an https URL')
  })
})
