import { describe, expect, it } from 'vitest'
import { Discovery, type DiscoveryOptions, type ServerMetadata } from '../src/discovery.ts'
import { TokenError, TokenResponseError, TokenTransportError } from '../src/errors.ts'
import { TokenEventEmitter } from '../src/events.ts'
import type { HttpRequest, HttpResponse, Send } from '../src/transport.ts'
import { fc } from './support/fast-check.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const ISSUER = 'https://auth.example.com'
const OAUTH = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'
const HOUR = 3_600_000

const document = { issuer: ISSUER, token_endpoint: `${ISSUER}/token` }
const never = () => new AbortController().signal

type Answer = { status?: number; body?: unknown; headers?: Record<string, string> }

function response({ status = 200, body = '', headers = {} }: Answer): HttpResponse {
  return { status, header: (name) => headers[name], body: typeof body === 'string' ? body : JSON.stringify(body) }
}

/** A server that answers by path, 404 elsewhere; an answer that is an error is thrown. */
function startDiscovery(answers: Record<string, Answer | Error>, changes: Partial<DiscoveryOptions> = {}) {
  const requests: HttpRequest[] = []
  const clock = new VirtualClock()
  const events = new TokenEventEmitter()
  const heard: unknown[] = []
  events.on('metadataLoaded', ({ tokenEndpoint }) => heard.push(tokenEndpoint))
  events.on('metadataFailed', ({ error }) => heard.push(error.code))
  const send: Send = async (request) => {
    requests.push(request)
    const answer = answers[new URL(request.url).pathname] ?? { status: 404 }
    if (answer instanceof Error) throw answer
    return response(answer)
  }
  const options = {
    client: 'orders',
    issuer: ISSUER,
    endpointOrigins: [],
    allowInsecureLoopback: false,
    send,
    clock,
    events,
  }
  const discovery = new Discovery({ ...options, ...changes })
  const paths = () => requests.map(({ url }) => url.slice(new URL(url).origin.length))
  return { discovery, clock, requests, answers, heard, paths, load: () => discovery.load(never()) }
}

async function failure(promise: Promise<unknown>): Promise<TokenError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TokenError)
  return error as TokenError
}

function loadDocument(body: unknown, changes: Partial<DiscoveryOptions> = {}): Promise<ServerMetadata> {
  const path = new URL(changes.issuer ?? ISSUER).pathname.replace(/\/$/, '')
  return startDiscovery({ [`${OAUTH}${path}`]: { body } }, changes).load()
}

describe('where metadata is looked for', () => {
  it.each([
    ['https://auth.example.com', [OAUTH, OPENID]],
    ['https://auth.example.com/', [OAUTH, OPENID]],
    ['https://auth.example.com/tenant/one', [`${OAUTH}/tenant/one`, `/tenant/one${OPENID}`]],
    ['https://auth.example.com/tenant/one/', [`${OAUTH}/tenant/one`, `/tenant/one${OPENID}`]],
  ])('for %s: first as RFC 8414 says, then as OpenID Connect does', async (issuer, paths) => {
    const server = startDiscovery({}, { issuer })
    await failure(server.load())
    expect(server.paths()).toEqual(paths)
    expect(server.requests).toMatchObject(paths.map(() => ({ method: 'GET', headers: { accept: 'application/json' } })))
    expect(server.requests.every(({ url, body }) => url.startsWith(`${ISSUER}/`) && body === undefined)).toBe(true)
  })

  it.each<[string, Answer]>([
    ['404', { status: 404 }],
    ['403', { status: 403 }],
    ['a redirect', { status: 302, headers: { location: 'https://evil.example.com' } }],
    ['a web page', { body: '<html>' }],
    ['an array', { body: [document] }],
    ['null', { body: 'null' }],
    ['an object without issuer', { body: { token_endpoint: `${ISSUER}/token` } }],
    ['an inherited issuer', { body: `{"__proto__":${JSON.stringify(document)}}` }],
  ])('goes on to the second place after %s', async (_, answer) => {
    const server = startDiscovery({ [OAUTH]: answer, [OPENID]: { body: document } })
    expect(await server.load()).toMatchObject({ issuer: ISSUER, tokenEndpoint: `${ISSUER}/token` })
    expect(server.paths()).toEqual([OAUTH, OPENID])
  })

  it('asks nothing more once there is an answer', async () => {
    const server = startDiscovery({ [OAUTH]: { body: document }, [OPENID]: { body: document } })
    await server.load()
    expect(server.paths()).toEqual([OAUTH])
  })

  it.each(['http://127.0.0.1:8080', 'http://localhost:8080/realm', 'http://[::1]:8080'])(
    'may be %s where `allowInsecureLoopback` is set',
    async (issuer) => {
      const body = { issuer, token_endpoint: `${issuer}/token` }
      const metadata = await loadDocument(body, { issuer, allowInsecureLoopback: true })
      expect(metadata.tokenEndpoint).toBe(`${issuer}/token`)
    },
  )
})

describe('the issuer that the document names', () => {
  it.each<[configured: string, named: string, hint: RegExp]>([
    ['https://auth.example.com', 'https://auth.example.com/', /slash at the end/],
    ['https://auth.example.com/t/', 'https://auth.example.com/t', /slash at the end/],
    ['https://auth.example.com/t1', 'https://auth.example.com/t2', /tenant.*`expectedIssuer`/],
    ['https://auth.example.com', 'https://AUTH.example.com', /`expectedIssuer`/],
    ['https://auth.example.com', 'https://auth.example.com:443', /`expectedIssuer`/],
    ['https://auth.example.com', 'https://evil.example.com', /`expectedIssuer`/],
  ])('must be identical: configured %s, named %s', async (issuer, named, hint) => {
    const error = await failure(loadDocument({ ...document, issuer: named }, { issuer }))
    expect(error).toMatchObject({ code: 'issuer_mismatch', client: 'orders', retryable: false })
    expect(error.message).toContain(`names the issuer "${named}", expected was "${issuer}".`)
    expect(error.hint).toMatch(hint)
  })

  it('must be the pinned `expectedIssuer` where one is set', async () => {
    const issuer = 'https://auth.example.com/common'
    const expectedIssuer = 'https://auth.example.com/{tenantid}'
    const named = { issuer: expectedIssuer, token_endpoint: `${issuer}/token` }
    expect(await loadDocument(named, { issuer, expectedIssuer })).toMatchObject({ issuer: expectedIssuer })
    const error = await failure(loadDocument({ ...named, issuer }, { issuer, expectedIssuer }))
    expect(error).toMatchObject({ code: 'issuer_mismatch' })
    expect(error.message).toContain(`"${issuer}", expected was "${expectedIssuer}"`)
  })

  it('is shown without what a terminal would act on, and cut', async () => {
    const error = await failure(loadDocument({ ...document, issuer: `https://x\u001b[2J\u202e/${'y'.repeat(10_000)}` }))
    for (const hostile of ['\u001b', '\u202e']) expect(error.message).not.toContain(hostile)
    expect(error.message.length).toBeLessThan(800)
  })

  it('does not send to the second place when it is another one', async () => {
    const server = startDiscovery({
      [OAUTH]: { body: { ...document, issuer: 'https://x' } },
      [OPENID]: { body: document },
    })
    expect((await failure(server.load())).code).toBe('issuer_mismatch')
    expect(server.paths()).toEqual([OAUTH])
  })
})

describe('an endpoint', () => {
  it.each([[`${ISSUER}/token`], [`${ISSUER}:443/token?p=1`], ['https://tokens.example.com/token']])(
    'is taken as it is spelled when its origin is allowed: %s',
    async (token_endpoint) => {
      const metadata = await loadDocument(
        { ...document, token_endpoint },
        { endpointOrigins: ['https://tokens.example.com'] },
      )
      expect(metadata.tokenEndpoint).toBe(token_endpoint)
    },
  )

  it.each<[string, unknown, RegExp]>([
    [
      'on another host',
      'https://evil.example.com/token',
      /`token_endpoint` https:\/\/evil\.example\.com\/token, on another origin/,
    ],
    ['on another port', `${ISSUER}:8443/token`, /on another origin/],
    ['on a subdomain', 'https://a.auth.example.com/token', /on another origin/],
    ['that only begins like the issuer', 'https://auth.example.com.evil.com/', /on another origin/],
    ['over http', 'http://auth.example.com/token', /not https/],
    ['over http on this machine', 'http://127.0.0.1/token', /not https/],
    ['with another scheme', 'javascript:alert(1)', /not https/],
    ['with a user name', 'https://auth.example.com@evil.example.com/', /user name/],
    ['with a password', 'https://u:p@auth.example.com/', /user name/],
    ['with a fragment', `${ISSUER}/token#x`, /fragment/],
    ['that is relative', '/token', /not a URL/],
    ['that is empty', '', /not a URL/],
    ['with a line break', `${ISSUER}/to\nken`, /not a URL/],
    ['that is a number', 5, /not a URL/],
    ['that is a list', [`${ISSUER}/token`], /not a URL/],
    ['that is missing', undefined, /names no `token_endpoint`\. Give `tokenEndpoint`/],
    ['that is null', null, /names no `token_endpoint`/],
  ])('%s is refused', async (_, token_endpoint, message) => {
    const error = await failure(
      loadDocument({ ...document, token_endpoint }, { endpointOrigins: ['https://tokens.example.com'] }),
    )
    expect(error).toMatchObject({ code: 'discovery_failed', client: 'orders', retryable: false })
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain('u:p')
  })

  it('on another origin is explained with the option that allows it', async () => {
    const error = await failure(loadDocument({ ...document, token_endpoint: 'https://tokens.example.com/token' }))
    expect(error.hint).toContain("`endpointOrigins: ['https://tokens.example.com']`")
  })

  it('may be another one for client certificates, which is checked when it is asked for', async () => {
    const aliased = (url: unknown) => ({ ...document, mtls_endpoint_aliases: { token_endpoint: url } })
    expect((await loadDocument(document)).mtlsTokenEndpoint).toBeUndefined()
    expect((await loadDocument({ ...document, mtls_endpoint_aliases: 'x' })).mtlsTokenEndpoint).toBeUndefined()
    expect((await loadDocument(aliased(`${ISSUER}/mtls`))).mtlsTokenEndpoint).toBe(`${ISSUER}/mtls`)
    const elsewhere = aliased('https://mtls.example.com/token')
    const allowed = await loadDocument(elsewhere, { endpointOrigins: ['https://mtls.example.com'] })
    expect(allowed.mtlsTokenEndpoint).toBe('https://mtls.example.com/token')
    const refused = await loadDocument(elsewhere)
    expect(refused.tokenEndpoint).toBe(`${ISSUER}/token`)
    expect(() => refused.mtlsTokenEndpoint).toThrow(
      /`mtls_endpoint_aliases\.token_endpoint` https:\/\/mtls\.example\.com\/token, on another origin/,
    )
  })

  it('for revocation is checked when it is asked for', async () => {
    const metadata = await loadDocument({ ...document, revocation_endpoint: `${ISSUER}/revoke` })
    expect(metadata.revocationEndpoint).toBe(`${ISSUER}/revoke`)
    const refused = await loadDocument({ ...document, revocation_endpoint: 'http://auth.example.com/revoke' })
    expect(() => refused.revocationEndpoint).toThrow(/`revocation_endpoint` .* not https/)
  })
})

it.each<[string, unknown, string[] | undefined]>([
  ['what is listed', ['client_secret_post', 'private_key_jwt'], ['client_secret_post', 'private_key_jwt']],
  ['never `none`', ['none', 'client_secret_basic'], ['client_secret_basic']],
  ['text only', ['client_secret_post', 5, null, ['none']], ['client_secret_post']],
  ['nothing known when there is no list', undefined, undefined],
  ['nothing known when it is no list', 'client_secret_post', undefined],
])('the authentication methods are %s', async (_, listed, methods) => {
  const metadata = await loadDocument({ ...document, token_endpoint_auth_methods_supported: listed })
  expect(metadata.tokenEndpointAuthMethods).toEqual(methods)
})

it('is read from own members alone', async () => {
  const inherited = { token_endpoint: 'https://evil.example.com', mtls_endpoint_aliases: { token_endpoint: ISSUER } }
  for (const [name, value] of Object.entries(inherited))
    Object.defineProperty(Object.prototype, name, { value, configurable: true })
  try {
    expect((await loadDocument(document)).mtlsTokenEndpoint).toBeUndefined()
    expect((await loadDocument({ ...document, mtls_endpoint_aliases: {} })).mtlsTokenEndpoint).toBeUndefined()
    expect((await failure(loadDocument({ issuer: ISSUER }))).message).toContain('names no `token_endpoint`')
  } finally {
    for (const name of Object.keys(inherited)) Reflect.deleteProperty(Object.prototype, name)
  }
})

it('any document gives metadata of this issuer and origin, or a typed error', async () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.webUrl(), fc.constantFrom(ISSUER, `${ISSUER}/token`))
  const documents = fc.record(
    { issuer: value, token_endpoint: value, token_endpoint_auth_methods_supported: value },
    { requiredKeys: [] },
  )
  const bodies = fc.oneof(
    documents,
    documents.map((d) => ({ ...d, issuer: ISSUER })),
    fc.string({ maxLength: 200 }),
  )
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const result = await loadDocument(body).catch((error: unknown) => error)
      if (result instanceof TokenError) return
      const { issuer, tokenEndpoint } = result as ServerMetadata
      expect(issuer).toBe(ISSUER)
      expect(new URL(tokenEndpoint).origin).toBe(ISSUER)
    }),
  )
})

describe('a load that fails', () => {
  it('for lack of metadata says what each place answered, and what to do', async () => {
    const error = await failure(startDiscovery({ [OPENID]: { body: '<html>' } }).load())
    expect(error).toMatchObject({ code: 'discovery_failed', retryable: false })
    expect(error.message).toBe(
      `Could not load the metadata of issuer ${ISSUER} for client "orders": ` +
        `${ISSUER}${OAUTH} answered with status 404, ${ISSUER}${OPENID} answered something that is not metadata. ` +
        'Check `issuer`: is there a JSON document when you open that address in a browser? Or give `tokenEndpoint` instead.',
    )
  })

  it.each([408, 425, 429, 500, 502, 503])('with status %d fails at once and may be repeated', async (status) => {
    const server = startDiscovery({
      [OAUTH]: { status, headers: { 'retry-after': '7' } },
      [OPENID]: { body: document },
    })
    const error = await failure(server.load())
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ code: 'discovery_failed', retryable: true, status, retryAfterMs: 7000 })
    expect(server.paths()).toEqual([OAUTH])
  })

  it.each<[string, TokenError, boolean]>([
    ['network', new TokenTransportError({ code: 'network', message: 'Could not reach it: ECONNREFUSED.' }), true],
    [
      'TLS',
      new TokenTransportError({ code: 'tls', message: 'Could not reach it: CERT_HAS_EXPIRED.', retryable: false }),
      false,
    ],
    ['size', new TokenError({ code: 'invalid_response', message: 'The answer is too large.' }), false],
  ])('for a reason of %s fails at once with that reason', async (_, reason, retryable) => {
    const server = startDiscovery({ [OAUTH]: reason, [OPENID]: { body: document } })
    const error = await failure(server.load())
    expect(error).toMatchObject({ code: 'discovery_failed', retryable, cause: { code: reason.code } })
    expect(error.message).toContain(`for client "orders": ${reason.message} Check \`issuer\``)
    expect(server.paths()).toEqual([OAUTH])
  })

  it('is not remembered', async () => {
    const server = startDiscovery({ [OAUTH]: { status: 503 } })
    await failure(server.load())
    server.answers[OAUTH] = { body: document }
    expect((await server.load()).tokenEndpoint).toBe(`${ISSUER}/token`)
    expect(server.heard).toEqual(['discovery_failed', `${ISSUER}/token`])
  })

  it.each([
    [undefined, 5000],
    [800, 800],
  ])('for time (timeoutMs %s) takes %d ms over both places and ends the request', async (timeoutMs, limit) => {
    const clock = new VirtualClock()
    const signals: AbortSignal[] = []
    const send: Send = async ({ signal }) => {
      signals.push(signal)
      if (signals.length === 1) {
        await clock.sleep(limit - 1, signal)
        return response({ status: 404 })
      }
      await clock.sleep(HOUR, signal)
      return response({ body: document })
    }
    const failed = failure(startDiscovery({}, { send, clock, timeoutMs }).load())
    await clock.advance(limit - 1)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
    await clock.advance(1)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(await failed).toMatchObject({ code: 'discovery_failed', retryable: true })
    expect((await failed).message).toContain(`no answer within ${limit} ms`)
    expect(clock.pendingSleeps).toBe(0)
  })
})

describe('a load', () => {
  /** A server whose answers the test gives by hand. */
  function startHeldDiscovery() {
    const held: ((answer: Answer) => void)[] = []
    const send: Send = () => new Promise((resolve) => held.push((answer) => resolve(response(answer))))
    return { ...startDiscovery({}, { send }), held }
  }

  it('is shared by everyone who asks while it runs', async () => {
    const { load, held } = startHeldDiscovery()
    const loads = [load(), load(), load()]
    expect(held).toHaveLength(1)
    held[0]?.({ body: document })
    const [first, ...others] = await Promise.all(loads)
    for (const other of others) expect(other).toBe(first)
  })

  it('goes on when one of them gives up', async () => {
    const { discovery, load, held } = startHeldDiscovery()
    const impatient = new AbortController()
    const left = discovery.load(impatient.signal)
    const stayed = load()
    impatient.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    held[0]?.({ body: document })
    expect((await stayed).tokenEndpoint).toBe(`${ISSUER}/token`)
    expect(held).toHaveLength(1)
  })

  it('is remembered for an hour and leaves no timer', async () => {
    const server = startDiscovery({ [OAUTH]: { body: document } })
    const first = await server.load()
    expect(server.clock.pendingSleeps).toBe(0)
    await server.clock.advance(HOUR - 1)
    expect(await server.load()).toBe(first)
    server.answers[OAUTH] = { body: { ...document, token_endpoint: `${ISSUER}/moved` } }
    await server.clock.advance(1)
    expect((await server.load()).tokenEndpoint).toBe(`${ISSUER}/moved`)
    expect(server.requests).toHaveLength(2)
    expect(server.heard).toEqual([`${ISSUER}/token`, `${ISSUER}/moved`])
  })

  it('is repeated after an hour in which the machine slept', async () => {
    const server = startDiscovery({ [OAUTH]: { body: document } })
    await server.load()
    server.clock.suspend(HOUR)
    await server.load()
    expect(server.requests).toHaveLength(2)
  })

  it.each<[string, Answer | Error]>([
    ['is down', { status: 503 }],
    ['has lost the document', { status: 404 }],
    ['names another issuer', { body: { ...document, issuer: 'https://evil.example.com' } }],
    ['is gone', new TokenTransportError({ code: 'network', message: 'Could not reach it.' })],
  ])(
    'that is repeated while the server %s keeps the last good metadata, and tries again a minute later',
    async (_, answer) => {
      const server = startDiscovery({ [OAUTH]: { body: document } })
      const good = await server.load()
      await server.clock.advance(HOUR)
      server.answers[OAUTH] = answer
      expect(await server.load()).toBe(good)
      const asked = server.requests.length
      expect(asked).toBeGreaterThan(1)
      await server.clock.advance(59_999)
      expect(await server.load()).toBe(good)
      expect(server.requests).toHaveLength(asked)
      server.answers[OAUTH] = { body: { ...document, token_endpoint: `${ISSUER}/moved` } }
      await server.clock.advance(1)
      expect((await server.load()).tokenEndpoint).toBe(`${ISSUER}/moved`)
      expect(server.heard).toHaveLength(3)
    },
  )
})
