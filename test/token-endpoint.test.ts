import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { clientAuthentication } from '../src/client-authentication/client-authentication.ts'
import { type ClientOptions, readClientOptions } from '../src/client-options.ts'
import { instant } from '../src/clock.ts'
import { TokenError, TokenResponseError } from '../src/errors.ts'
import { TokenEventEmitter } from '../src/events.ts'
import { type RequestedToken, TokenEndpoint, type TokenRequestLimits } from '../src/token-endpoint.ts'
import type { TokenParameters } from '../src/token-key.ts'
import type { FetchLike } from '../src/transport.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const URL_OF_TOKENS = 'https://as.example/oauth2/token?tenant=1'
const ISSUER = 'https://as.example/realms/a'
const SECRET = 'Marker-S3cret/+'
const NOTHING: TokenParameters = { scope: [], resource: [], audience: [], parameters: {} }
const DENIED = { status: 401, body: { error: 'invalid_client' } }

interface Bench {
  readonly clock: VirtualClock
  readonly server: AuthorizationServer
  readonly endpoint: TokenEndpoint
  /** Every call of the transport, as it came. */
  readonly sent: { url: string; init: Parameters<FetchLike>[1] }[]
  readonly retries: { error: TokenError; attempt: number; delayMs: number }[]
  readonly abort: AbortController
  /** A token request with the limits of a flight. */
  request(parameters?: Partial<TokenParameters>, limits?: Partial<TokenRequestLimits>): Promise<RequestedToken>
}

function bench(options: Partial<ClientOptions> = {}): Bench {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  const sent: Bench['sent'] = []
  const transport: FetchLike = async (url, init) => {
    sent.push({ url, init })
    return await server.fetch(url, init)
  }
  const base = { tokenEndpoint: URL_OF_TOKENS, clientId: 'orders-service', clientSecret: SECRET, transport }
  const settings = readClientOptions({ ...base, ...options }, 'orders', '')
  const endpoint = new TokenEndpoint(settings, clock, new TokenEventEmitter(), () => false)
  const retries: Bench['retries'] = []
  const abort = new AbortController()
  const begin = clock.now()
  return {
    ...{ clock, server, endpoint, sent, retries, abort },
    request: (parameters = {}, limits = {}) =>
      endpoint.requestToken(
        { ...NOTHING, ...parameters },
        {
          signal: abort.signal,
          leftMs: () => settings.timeoutMs - (clock.now() - begin),
          maxAttempts: () => settings.maxAttempts,
          onRetry: (error, attempt, delayMs) => retries.push({ error, attempt, delayMs }),
          ...limits,
        },
      ),
  }
}

async function failureOf(work: Promise<unknown>): Promise<TokenError> {
  try {
    await work
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  return expect.fail('a token was received')
}

/** Like {@link failureOf}, of work that takes time. */
async function failureAfter(clock: VirtualClock, ms: number, work: Promise<unknown>): Promise<TokenError> {
  const failure = failureOf(work)
  await clock.advance(ms)
  return await failure
}

const everyOutput = (error: Error) =>
  `${inspect(error, { showHidden: true, depth: null })}${JSON.stringify(error)}${error.stack}`

describe('a token request', () => {
  it('is this, byte for byte, with Basic', async () => {
    const { request, sent } = bench()
    await request({
      scope: ['orders.write', 'orders.read'],
      resource: ['https://api.example/v1', 'urn:b'],
      audience: ['é&', 'b c'],
      parameters: { tenant: 'a+b', '0': '1' },
    })
    expect(sent).toHaveLength(1)
    expect(sent[0]?.url).toBe(URL_OF_TOKENS)
    expect(sent[0]?.init).toMatchObject({ method: 'POST', redirect: 'manual', credentials: 'omit' })
    // printf 'orders-service:Marker-S3cret%%2F%%2B' | base64
    expect(sent[0]?.init.headers).toEqual({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization: 'Basic b3JkZXJzLXNlcnZpY2U6TWFya2VyLVMzY3JldCUyRiUyQg==',
    })
    expect(sent[0]?.init.body).toBe(
      'grant_type=client_credentials&scope=orders.write+orders.read' +
        '&resource=https%3A%2F%2Fapi.example%2Fv1&resource=urn%3Ab&audience=%C3%A9%26&audience=b+c&0=1&tenant=a%2Bb',
    )
  })

  it('is this, byte for byte, with the secret in the body', async () => {
    const { request, sent } = bench({ clientAuthentication: 'client_secret_post' })
    await request({ scope: ['read'], parameters: { tenant: 't' } })
    expect(sent[0]?.url).toBe(URL_OF_TOKENS)
    expect(sent[0]?.init.headers).toEqual({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(sent[0]?.init.body).toBe(
      'grant_type=client_credentials&scope=read&tenant=t&client_id=orders-service&client_secret=Marker-S3cret%2F%2B',
    )
  })

  it('names nothing that was not asked for', async () => {
    const { request, sent } = bench()
    await request()
    expect(sent[0]?.init.body).toBe('grant_type=client_credentials')
  })

  it('gives the token, and when the request for it was about to be sent: after the secret was read, before the answer', async () => {
    const { request, clock, server } = bench({
      clientSecret: async () => {
        await clock.sleep(2000)
        return SECRET
      },
    })
    server.script.push({ afterMs: 700 })
    const begin = instant(clock)
    const requested = request()
    await clock.advance(2700)
    const { response, requestedAt } = await requested
    expect(response).toMatchObject({
      accessToken: 'token-1',
      tokenType: 'Bearer',
      lifetimeMs: 3_600_000,
      deviations: [],
    })
    expect(requestedAt).toEqual({ wall: begin.wall + 2000, monotonic: begin.monotonic + 2000 })
  })

  it('reads the answer by the options of the client', async () => {
    const lenient = bench({ defaultLifetimeMs: 70_000 })
    lenient.server.script.push({ body: { access_token: 'a' } })
    expect((await lenient.request()).response).toMatchObject({ lifetimeMs: 70_000, deviations: ['token_type_missing'] })
    const strict = bench({ strictTokenType: true })
    strict.server.script.push({ body: { access_token: 'a' } })
    expect(await failureOf(strict.request())).toMatchObject({ code: 'invalid_response', retryable: false })
  })

  it('measures a Retry-After date against the own clock where the answer has no date', async () => {
    const { request, server, clock } = bench()
    server.script.push({ status: 503, headers: { 'retry-after': new Date(clock.now() + 60_000).toUTCString() } })
    expect(await failureOf(request())).toMatchObject({ retryAfterMs: 60_000 })
  })

  it('refuses an axios instance that was attached to the manager meanwhile', async () => {
    const axios = Object.assign(() => expect.fail('sent'), {
      interceptors: { request: { use: () => 0 } },
      defaults: {},
    })
    const settings = readClientOptions(
      { tokenEndpoint: URL_OF_TOKENS, clientId: 'a', clientSecret: SECRET, transport: axios },
      'orders',
      '',
    )
    const attached = new Set<object>()
    const endpoint = new TokenEndpoint(settings, new VirtualClock(), new TokenEventEmitter(), (instance) =>
      attached.has(instance),
    )
    attached.add(axios)
    const { signal } = new AbortController()
    const limits = { signal, leftMs: () => 1000, maxAttempts: () => 3, onRetry: () => expect.fail('retried') }
    await expect(endpoint.requestToken(NOTHING, limits)).rejects.toThrow('`transport` must not be')
  })
})

describe('each attempt', () => {
  it('is built anew: it asks for the secret again', async () => {
    let version = 0
    const { request, server, clock } = bench({
      clientSecret: () => `secret-${++version}`,
      clientAuthentication: 'client_secret_post',
    })
    server.script.push({ refuse: true }, { status: 503 })
    const requested = request({ scope: ['read'] })
    await clock.advance(1000)
    expect((await requested).response.accessToken).toBe('token-1')
    expect(server.requests.map(({ form }) => form.get('client_secret'))).toEqual(['secret-1', 'secret-2', 'secret-3'])
    for (const { form } of server.requests) expect(form.getAll('scope')).toEqual(['read'])
    expect(version).toBe(3)
  })

  it('is built anew: a function that authenticates gets a fresh draft with what it may need', async () => {
    let count = 0
    const drafts: unknown[] = []
    const authentication = clientAuthentication('x_assertion', (draft) => {
      const { client, clientId, tokenEndpoint, issuer, supportedMethods, headers } = draft
      drafts.push({
        client,
        clientId,
        tokenEndpoint,
        issuer,
        supportedMethods,
        headers: { ...headers },
        body: String(draft.body),
      })
      draft.body.set('client_assertion', `assertion-${++count}`)
      draft.headers.dpop = `proof-${count}`
    })
    const { request, server, clock } = bench({
      ...{
        clientSecret: undefined,
        clientAuthentication: authentication,
        issuer: ISSUER,
        expectedIssuer: 'https://other.example',
      },
    })
    server.script.push({ refuse: true })
    const requested = request()
    await clock.advance(1000)
    await requested
    const draft = {
      ...{ client: 'orders', clientId: 'orders-service', tokenEndpoint: URL_OF_TOKENS, supportedMethods: undefined },
      issuer: 'https://other.example',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    }
    expect(drafts).toEqual([draft, draft])
    expect(server.requests.map(({ form, headers }) => [form.getAll('client_assertion'), headers.dpop])).toEqual([
      [['assertion-1'], 'proof-1'],
      [['assertion-2'], 'proof-2'],
    ])
  })

  it('that fails is told of, with the pause that follows', async () => {
    const { request, server, clock, retries } = bench()
    server.script.push({ refuse: true }, { status: 503 })
    const requested = request()
    await clock.advance(1000)
    await requested
    expect(retries.map(({ error, ...rest }) => [error.code, rest])).toEqual([
      ['network', { attempt: 1, delayMs: 125 }],
      ['server_unavailable', { attempt: 2, delayMs: 250 }],
    ])
    expect(server.requests.map(({ at }) => at - (server.requests[0]?.at ?? 0))).toEqual([0, 125, 375])
  })

  it('is one of at most as many as configured', async () => {
    const { request, server, clock } = bench({ maxAttempts: 2 })
    server.byDefault = { refuse: true }
    expect(await failureAfter(clock, 10_000, request())).toMatchObject({
      code: 'network',
      retryable: true,
      client: 'orders',
    })
    expect(server.requests).toHaveLength(2)
  })

  it('is the only one when the server asks for more time than there is', async () => {
    const { request, server } = bench()
    server.script.push({ status: 429, headers: { 'retry-after': '15' } })
    expect(await failureOf(request())).toMatchObject({ code: 'server_unavailable', status: 429, retryAfterMs: 15_000 })
    expect(server.requests).toHaveLength(1)
  })
})

describe('the time of an attempt', () => {
  it('ends it when no answer comes, and the next begins', async () => {
    const { request, server, clock, sent, retries } = bench({ attemptTimeoutMs: 3000 })
    server.script.push({ hang: true })
    const requested = request()
    await clock.advance(2999)
    expect(sent[0]?.init.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(sent[0]?.init.signal.aborted).toBe(true)
    await clock.advance(125)
    expect((await requested).response.accessToken).toBe('token-1')
    expect(retries[0]?.error).toMatchObject({ code: 'timeout', client: 'orders', retryable: true })
    expect(retries[0]?.error.message).toContain(
      'No answer from https://as.example/oauth2/token for client "orders" within 3000 ms.',
    )
    expect(retries[0]?.error.message).not.toContain('tenant=1')
  })

  it('ends it when the answer begins and does not end', async () => {
    const transport: FetchLike = async () =>
      new Response(
        new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{"access_token":"a",')) }),
      )
    const { request, clock } = bench({ transport, maxAttempts: 1, attemptTimeoutMs: 3000 })
    let ended = false
    const requested = failureOf(request()).finally(() => {
      ended = true
    })
    await clock.advance(2999)
    expect(ended).toBe(false)
    await clock.advance(1)
    expect(ended).toBe(true)
    expect(await requested).toMatchObject({ code: 'timeout' })
  })

  it('ends it when the secret does not come, and nothing is sent', async () => {
    const { request, server, clock, retries } = bench({
      clientSecret: () => new Promise<string>(() => {}),
      attemptTimeoutMs: 3000,
      maxAttempts: 2,
    })
    const error = await failureAfter(clock, 6125, request())
    expect(error).toMatchObject({ code: 'timeout', retryable: true })
    expect(error.hint).toContain('a function that supplies the secret')
    expect(retries).toHaveLength(1)
    expect(server.requests).toEqual([])
  })

  it('leaves no timer and no listener behind, however the attempt ends', async () => {
    for (const answer of [{}, { status: 400 }, { refuse: true }, { hang: true }]) {
      const { request, server, clock, abort } = bench({ maxAttempts: 1 })
      server.script.push(answer)
      const settled = Promise.allSettled([request()])
      await clock.advance(5000)
      await settled
      expect(clock.pendingSleeps).toBe(0)
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    }
  })
})

describe('the end of the whole request', () => {
  const REASON = new TokenError({ code: 'timeout', message: 'Too late.' })

  it('comes at once while an answer is awaited', async () => {
    const { request, server, clock, abort, sent } = bench()
    server.script.push({ hang: true })
    const requested = failureOf(request())
    await clock.settle()
    abort.abort(REASON)
    expect(await requested).toBe(REASON)
    expect(sent[0]?.init.signal.aborted).toBe(true)
    expect(clock.pendingSleeps).toBe(0)
  })

  it('comes at once while the secret is awaited, and nothing is sent when it comes late', async () => {
    let supply: (secret: string) => void = () => {}
    const { request, server, clock, abort } = bench({
      clientSecret: () =>
        new Promise<string>((resolve) => {
          supply = resolve
        }),
    })
    const requested = failureOf(request())
    await clock.settle()
    abort.abort(REASON)
    expect(await requested).toBe(REASON)
    supply(SECRET)
    await clock.settle()
    expect(server.requests).toEqual([])
  })

  it('comes at once between two attempts', async () => {
    const { request, server, clock, abort } = bench()
    server.byDefault = { refuse: true }
    const requested = failureOf(request())
    await clock.settle()
    abort.abort(REASON)
    expect(await requested).toBe(REASON)
    expect(server.requests).toHaveLength(1)
    expect(clock.pendingSleeps).toBe(0)
  })

  it('may lie in the past: then not even the secret is read', async () => {
    const { request, server, abort } = bench({ clientSecret: () => expect.fail('the secret was read') })
    abort.abort(REASON)
    expect(await failureOf(request())).toBe(REASON)
    expect(server.requests).toEqual([])
  })
})

describe('a failure', () => {
  it('shows the secret in none of its spellings, whatever the server repeats', async () => {
    for (const clientAuthentication of ['client_secret_basic', 'client_secret_post'] as const) {
      const { request, server, sent } = bench({ clientAuthentication })
      const spellings = [
        SECRET,
        encodeURIComponent(SECRET),
        'Marker-S3cret%2f%2b',
        Buffer.from(SECRET).toString('base64'),
      ]
      const basic = Buffer.from(`orders-service:${encodeURIComponent(SECRET)}`).toString('base64')
      const body = {
        error: 'invalid_request',
        error_description: `got ${[...spellings, basic].join(' and ')}`,
        error_uri: `https://as.example/?${SECRET}`,
      }
      server.script.push({ status: 400, body })
      const error = await failureOf(request())
      expect(error).toMatchObject({ code: 'request_denied', error: 'invalid_request' })
      const shown = everyOutput(error)
      for (const spelling of clientAuthentication === 'client_secret_basic' ? [...spellings, basic] : spellings)
        expect(shown).not.toContain(spelling)
      expect(shown).not.toContain('Marker')
      expect(sent).toHaveLength(1)
    }
  })

  it('shows no extra parameter either, which may be private', async () => {
    const { request, server } = bench()
    server.script.push({
      status: 400,
      body: { error: 'invalid_request', error_description: 'PIN Marker/1 or Marker%2F1?' },
    })
    const error = await failureOf(request({ parameters: { pin: 'Marker/1' } }))
    expect(error).toMatchObject({ error: 'invalid_request', errorDescription: 'PIN [redacted] or [redacted]?' })
    expect(everyOutput(error)).not.toContain('Marker')
  })

  it.each(['client', 'invalid', 'error'])('of a client that is called %s is read all the same', async (clientId) => {
    const { request, server } = bench({ clientId })
    server.script.push({ status: 401, body: { error: 'invalid_client', error_description: `unknown: ${clientId}` } })
    expect(await failureOf(request())).toMatchObject({
      error: 'invalid_client',
      errorDescription: 'unknown: [redacted]',
    })
  })

  it.each<[method: ClientOptions['clientAuthentication'], hint: string]>([
    ['client_secret_basic', "`clientAuthentication: 'client_secret_post'` or `basicEncoding: 'raw'`"],
    ['client_secret_post', "`clientAuthentication: 'client_secret_basic'`"],
    [undefined, "`clientAuthentication: 'client_secret_post'` or `basicEncoding: 'raw'`"],
    [clientAuthentication('private_key_jwt', () => {}), 'the server knows the key'],
  ])('of authentication by %o says what may help with that', async (method, hint) => {
    const { request, server } = bench({
      clientAuthentication: method,
      ...(typeof method === 'function' && { clientSecret: undefined }),
    })
    server.script.push(DENIED)
    const error = await failureOf(request())
    expect(error).toMatchObject({ code: 'request_denied', retryable: false })
    expect(error.hint).toContain(hint)
  })

  it('of the function that supplies the secret is retried, and plain', async () => {
    const { request, server, clock, retries } = bench({
      clientSecret: async () => {
        throw Object.assign(new Error('vault is sealed'), { request: { token: 'Marker-vault' } })
      },
    })
    const error = await failureAfter(clock, 10_000, request())
    expect(error).toMatchObject({ code: 'secret_unavailable', retryable: true })
    expect(error.cause).toMatchObject({ message: 'vault is sealed' })
    expect(everyOutput(error)).not.toContain('Marker')
    expect(retries).toHaveLength(2)
    expect(server.requests).toEqual([])
  })

  it.each<[how: string, fail: () => void | Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error(`no HSM, ${SECRET}`)
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error(`no HSM, ${SECRET}`)
      },
    ],
  ])('of a function that authenticates and %s is retried, and shows nothing that was hidden', async (_how, fail) => {
    const authentication = clientAuthentication('x', (draft) => {
      draft.hide(SECRET)
      return fail()
    })
    const { request, server, clock } = bench({ clientSecret: undefined, clientAuthentication: authentication })
    const error = await failureAfter(clock, 10_000, request())
    expect(error).toMatchObject({ code: 'secret_unavailable', retryable: true, client: 'orders' })
    expect(error.cause).toMatchObject({ message: 'no HSM, [redacted]' })
    expect(everyOutput(error)).not.toContain('Marker')
    expect(server.requests).toEqual([])
  })
})

describe('refused credentials', () => {
  it.each(['invalid_client', 'unauthorized_client'])(
    'are read again, and the request repeated once if they changed: %s',
    async (error) => {
      const secrets = ['old', 'new', 'new']
      const { request, server } = bench({
        clientSecret: () => secrets.shift() ?? 'newer',
        clientAuthentication: 'client_secret_post',
      })
      server.script.push({ status: 401, body: { error } })
      expect((await request()).response.accessToken).toBe('token-1')
      expect(server.requests.map(({ form }) => form.get('client_secret'))).toEqual(['old', 'new'])
    },
  )

  it('are not sent again as they were', async () => {
    let asked = 0
    const supplier = () => {
      asked += 1
      return SECRET
    }
    const { request, server } = bench({ clientSecret: supplier })
    server.byDefault = DENIED
    expect(await failureOf(request())).toMatchObject({ error: 'invalid_client' })
    expect(server.requests).toHaveLength(1)
    expect(asked).toBe(2)
  })

  it('are not sent again when they are fixed', async () => {
    const { request, server } = bench()
    server.byDefault = DENIED
    expect(await failureOf(request())).toMatchObject({ error: 'invalid_client' })
    expect(server.requests).toHaveLength(1)
  })

  it('are sent twice at the most, even if they change all the time', async () => {
    let version = 0
    const { request, server } = bench({ clientSecret: () => `v${++version}` })
    server.byDefault = DENIED
    expect(await failureOf(request())).toMatchObject({ error: 'invalid_client' })
    expect(server.requests).toHaveLength(2)
  })

  it.each<[how: string, second: () => string | Promise<string>]>([
    [
      'fails',
      () => {
        throw new Error('vault is sealed')
      },
    ],
    ['gives nothing', () => ''],
    ['never answers', () => new Promise<string>(() => {})],
  ])('stay the reason when reading them again %s', async (_how, second) => {
    let asked = 0
    const { request, server, clock } = bench({ clientSecret: () => (++asked === 1 ? SECRET : second()) })
    server.byDefault = DENIED
    expect(await failureAfter(clock, 5000, request())).toMatchObject({ error: 'invalid_client' })
    expect(server.requests).toHaveLength(1)
    expect(clock.pendingSleeps).toBe(0)
  })

  it('are not read again for other failures', async () => {
    let asked = 0
    const { request, server } = bench({ clientSecret: () => `v${++asked}` })
    server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    await failureOf(request())
    expect(asked).toBe(1)
    expect(server.requests).toHaveLength(1)
  })
})

describe('credentialChanged', () => {
  it('compares with what failed last, not with what was sent last', async () => {
    let secret = 'one'
    const { request, server, endpoint, clock } = bench({ clientSecret: () => secret })
    server.script.push({ ...DENIED, afterMs: 100 })
    const first = failureOf(request())
    await clock.advance(50)
    secret = 'two'
    await request()
    secret = 'one'
    await clock.advance(50)
    expect(await first).toMatchObject({ error: 'invalid_client' })
    expect(await endpoint.credentialChanged?.()).toBe(false)
    secret = 'two'
    expect(await endpoint.credentialChanged?.()).toBe(true)
  })

  it('finds a secret changed that could not be read before', async () => {
    let secret = SECRET
    const { request, server, endpoint, clock } = bench({ clientSecret: () => secret })
    server.script.push({ status: 400, body: { error: 'invalid_scope' } })
    await failureOf(request())
    secret = ''
    expect(await failureAfter(clock, 1000, request())).toMatchObject({ code: 'secret_unavailable', retryable: false })
    expect(await endpoint.credentialChanged?.()).toBe(false)
    secret = SECRET
    expect(await endpoint.credentialChanged?.()).toBe(true)
  })

  it('is not there for a secret that cannot change', () => {
    expect(bench().endpoint.credentialChanged).toBeUndefined()
    expect(bench({ clientSecret: () => SECRET }).endpoint.credentialChanged).toBeDefined()
  })
})

describe('metadata', () => {
  const METADATA = { issuer: ISSUER, token_endpoint: 'https://as.example/found' }

  it('says where tokens are requested, and is loaded once', async () => {
    const { request, server, endpoint } = bench({ tokenEndpoint: undefined, issuer: ISSUER })
    server.script.push({ body: METADATA })
    await request()
    await request()
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET https://as.example/.well-known/oauth-authorization-server/realms/a',
      'POST https://as.example/found',
      'POST https://as.example/found',
    ])
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization')
    expect(endpoint.url).toBe(ISSUER)
  })

  it('is not loaded where the token endpoint is configured', async () => {
    const { request, server, endpoint } = bench({ issuer: ISSUER })
    await request()
    expect(server.requests.map(({ url }) => url)).toEqual([URL_OF_TOKENS])
    expect(endpoint.url).toBe(URL_OF_TOKENS)
  })

  it.each([
    [undefined, 'basic'],
    [['client_secret_post', 'client_secret_basic'], 'basic'],
    [['private_key_jwt', 'client_secret_post'], 'post'],
  ])('chooses how the secret is sent: %j', async (methods, expected) => {
    const { request, server } = bench({ tokenEndpoint: undefined, issuer: ISSUER })
    server.script.push({ body: { ...METADATA, token_endpoint_auth_methods_supported: methods } })
    await request()
    const { headers, form } = server.requests[1] ?? expect.fail('no token request')
    expect(headers.authorization?.startsWith('Basic ') === true).toBe(expected === 'basic')
    expect([form.has('client_id'), form.has('client_secret')]).toEqual([expected === 'post', expected === 'post'])
  })

  it.each([[['none']], [['private_key_jwt', 'none']], [[]]])(
    'never chooses none, nor a method by trial: %j',
    async (methods) => {
      const { request, server } = bench({ tokenEndpoint: undefined, issuer: ISSUER })
      server.script.push({ body: { ...METADATA, token_endpoint_auth_methods_supported: methods } })
      const error = await failureOf(request())
      expect(error).toMatchObject({ code: 'unsupported_client_authentication', retryable: false })
      expect(error.message).toContain(
        methods.includes('private_key_jwt') ? 'lists private_key_jwt.' : 'lists no method.',
      )
      expect(server.requests.map(({ method }) => method)).toEqual(['GET'])
    },
  )

  it('does not overrule the method that is configured', async () => {
    const { request, server } = bench({
      tokenEndpoint: undefined,
      issuer: ISSUER,
      clientAuthentication: 'client_secret_post',
    })
    server.script.push({ body: { ...METADATA, token_endpoint_auth_methods_supported: ['client_secret_basic'] } })
    await request()
    expect(server.requests[1]?.form.get('client_secret')).toBe(SECRET)
  })

  it('that cannot be loaded for now is tried again', async () => {
    const { request, server, clock } = bench({ tokenEndpoint: undefined, issuer: ISSUER })
    server.script.push({ status: 503 }, { body: METADATA })
    const requested = request()
    await clock.advance(125)
    expect((await requested).response.accessToken).toBe('token-1')
  })
})

describe('revoking a token', () => {
  const REVOKE = { revocationEndpoint: 'https://as.example/revoke' }

  it('is this request, byte for byte', async () => {
    const { endpoint, sent, server } = bench(REVOKE)
    server.script.push({ body: '' })
    await endpoint.revokeToken('a+b')
    expect(sent.map(({ url }) => url)).toEqual(['https://as.example/revoke'])
    expect(sent[0]?.init.headers).toMatchObject({
      authorization: 'Basic b3JkZXJzLXNlcnZpY2U6TWFya2VyLVMzY3JldCUyRiUyQg==',
    })
    expect(sent[0]?.init.body).toBe('token=a%2Bb&token_type_hint=access_token')
  })

  it('goes where the metadata says, and nowhere if that is not known', async () => {
    const { endpoint, server } = bench({ tokenEndpoint: undefined, issuer: ISSUER })
    const metadata = {
      issuer: ISSUER,
      token_endpoint: 'https://as.example/found',
      revocation_endpoint: 'https://as.example/gone',
    }
    server.script.push({ body: metadata }, { body: '' })
    await endpoint.revokeToken('a')
    expect(server.requests.map(({ url }) => url).slice(1)).toEqual(['https://as.example/gone'])
    const without = bench()
    await expect(without.endpoint.revokeToken('a')).rejects.toMatchObject({ code: 'revocation_unavailable' })
    expect(without.server.requests).toEqual([])
  })

  it.each([
    [400, 'request_denied', false],
    [302, 'request_denied', false],
    [429, 'server_unavailable', true],
    [503, 'server_unavailable', true],
  ])(
    'that the server answers with %i fails in one attempt, without repeating the token',
    async (status, code, retryable) => {
      const { endpoint, server } = bench(REVOKE)
      server.byDefault = { status, body: 'Marker-token' }
      const error = await failureOf(endpoint.revokeToken('Marker-token'))
      expect(error).toBeInstanceOf(TokenResponseError)
      expect(error).toMatchObject({ code, retryable, status, client: 'orders' })
      expect(everyOutput(error)).not.toContain('Marker')
      expect(server.requests).toHaveLength(1)
    },
  )

  it('takes no longer than an attempt may', async () => {
    const { endpoint, server, clock } = bench(REVOKE)
    server.script.push({ hang: true })
    expect(await failureAfter(clock, 5000, endpoint.revokeToken('a'))).toMatchObject({ code: 'timeout' })
    expect(clock.pendingSleeps).toBe(0)
  })
})
