import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { AccessToken } from '../src/access-token.ts'
import type { ClientOptions } from '../src/client-options.ts'
import { TokenError, TokenManager, type TokenResponseError } from '../src/index.ts'
import type {
  OutgoingTokenRequest,
  ReceivedToken,
  TokenEndpointResponse,
  TokenRequestDescription,
} from '../src/partner-hooks.ts'
import { managed } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const failure = async (work: Promise<unknown>): Promise<TokenError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(TokenError)
  return error as TokenError
}

describe('the hook buildRequest', () => {
  it('makes another request of what would be sent, after the client has been authenticated', async () => {
    const { tokens, server } = managed({
      clientAuthentication: 'client_secret_post',
      scope: ['orders.read'],
      buildRequest: ({ form, url }, { scope }) => ({
        url: `${url}?api-version=2`,
        headers: { 'Content-Type': 'application/json', 'x-scopes': scope.join(), accept: undefined },
        body: JSON.stringify({ user: form.get('client_id'), password: form.get('client_secret') }),
      }),
    })
    await tokens.getToken()
    const [sent] = server.requests
    expect(sent?.url).toBe('https://auth.example.com/oauth2/token?api-version=2')
    expect(sent?.headers).toEqual({ 'content-type': 'application/json', 'x-scopes': 'orders.read' })
    expect([...(sent?.form ?? [])]).toEqual([['{"user":"orders-service","password":"correct horse"}', '']])
  })

  it('may ask by GET, and then sends no body', async () => {
    const { tokens, server } = managed({
      buildRequest: ({ url, form }) => ({ method: 'GET', url: `${url}?${form}` }),
    })
    await tokens.getToken()
    expect(server.requests[0]).toMatchObject({
      method: 'GET',
      url: expect.stringContaining('?grant_type=client_credentials'),
    })
    expect([...(server.requests[0]?.form ?? [])]).toEqual([])
  })

  it('runs anew in every attempt, and keeps what it does to the form', async () => {
    let calls = 0
    const { tokens, server, clock } = managed({
      buildRequest: ({ form }) => {
        calls += 1
        form.set('attempt', String(calls))
        return {}
      },
    })
    server.script.push({ status: 503 }, { status: 503 })
    const token = tokens.getToken()
    await clock.advance(5000)
    await token
    expect(server.requests.map(({ form }) => form.get('attempt'))).toEqual(['1', '2', '3'])
  })

  it.each([
    ['another host', 'https://evil.example/oauth2/token'],
    ['another scheme', 'http://auth.example.com/oauth2/token'],
    ['another port', 'https://auth.example.com:8443/oauth2/token'],
    ['no absolute URL', '/oauth2/token'],
    ['a host that looks like a user', 'https://auth.example.com@evil.example/oauth2/token'],
    ['a host after a backslash', 'https://evil.example\\@auth.example.com/oauth2/token'],
    ['somebody else’s account', 'https://user:password@auth.example.com/oauth2/token'],
  ])('must not send the credentials to %s', async (_, url) => {
    const { tokens, server } = managed({ buildRequest: () => ({ url }) })
    const error = await failure(tokens.getToken())
    expect(error).toMatchObject({ code: 'hook_failed', client: 'default' })
    expect(error.message).toContain('`buildRequest`')
    expect(server.requests).toHaveLength(0)
  })

  it.each([
    ['nothing', undefined],
    ['a body that is no text', { body: { a: 1 } }],
    ['another method', { method: 'PUT' }],
    ['a header that is no text', { headers: { 'x-api-key': 5 } }],
    ['a header with a line break', { headers: { 'x-api-key': 'a\r\nx-other: b' } }],
    ['an illegal name of a header', { headers: { 'x api': 'b' } }],
    ['a header of the connection', { headers: { 'Transfer-Encoding': 'chunked' } }],
  ])('fails with its name when it returns %s', async (_, changes) => {
    const { tokens, server } = managed({ buildRequest: (() => changes) as never })
    expect(await failure(tokens.getToken())).toMatchObject({ code: 'hook_failed' })
    expect(server.requests).toHaveLength(0)
  })

  it.each([
    ['as an object', new URL('https://auth.example.com/login') as never],
    ['with white space and capitals', ' HTTPS://AUTH.example.com/login '],
  ])('gives a URL %s, which is sent as it is understood', async (_, url) => {
    const { tokens, server } = managed({ buildRequest: () => ({ url }) })
    await tokens.getToken()
    expect(server.requests[0]?.url).toBe('https://auth.example.com/login')
  })

  it.each([
    [
      'into the form it was given',
      ({ form }: OutgoingTokenRequest) => {
        form.set('pin', 'Marker-Pin')
        return {}
      },
    ],
    ['into a form of its own', () => ({ body: 'pin=Marker-Pin' })],
    ['credentials', () => ({ headers: { authorization: 'Basic Marker-Pin' } })],
    ['a number', () => ({ body: '{"pin":24681357}' })],
  ])('has what it writes, %s, blanked out of what the server says', async (as, buildRequest) => {
    const { tokens, server } = managed({ buildRequest, scope: 'orders.read' })
    server.byDefault = {
      status: 400,
      body: {
        error: 'invalid_request',
        error_description: `orders.read: ${as === 'a number' ? 24681357 : 'Marker-Pin'}`,
      },
    }
    const error = (await failure(tokens.getToken())) as TokenResponseError
    expect(error.errorDescription).toBe('orders.read: [redacted]')
    expect(inspect(error, { depth: null })).not.toMatch(/Marker-|24681357/)
  })

  it('has what it writes blanked out of what the server says', async () => {
    const { tokens, server } = managed({
      buildRequest: () => ({
        url: 'https://auth.example.com/oauth2/token?key=Marker-Query',
        headers: { 'x-api-key': 'Marker-Header' },
        body: '{"login":{"password":"Marker-Json"}}',
      }),
    })
    server.byDefault = {
      status: 400,
      body: { error: 'invalid_request', error_description: 'Marker-Query, Marker-Header, Marker-Json' },
    }
    const error = await failure(tokens.getToken())
    expect(inspect(error, { depth: null })).not.toContain('Marker-')
  })
})

describe('the hook parseResponse', () => {
  const parsing = (parse: (response: TokenEndpointResponse) => ReceivedToken | undefined, options = {}) =>
    managed({ parseResponse: parse, ...options })

  it('finds the token where RFC 6749 does not say', async () => {
    const { tokens, server } = parsing(({ header }) => ({
      accessToken: header('X-Session-Token') ?? '',
      lifetimeMs: 60_000,
      scope: 'a b',
    }))
    server.byDefault = { status: 201, headers: { 'x-session-token': 'in-a-header' }, body: {} }
    const token = await tokens.getToken()
    expect(token.reveal()).toBe('in-a-header')
    expect(token).toMatchObject({ lifetimeMs: 60_000, scope: ['a', 'b'], tokenType: 'Bearer' })
  })

  it.each([
    ['ISO 8601', (at: number) => new Date(at).toISOString()],
    ['a date', (at: number) => new Date(at)],
    ['epoch milliseconds', (at: number) => at],
    ['epoch seconds', (at: number) => at / 1000],
  ])('takes an expiry as %s', async (_, write) => {
    const { tokens, server, clock } = parsing(() => ({
      accessToken: 'with-expiry',
      expiresAt: write(clock.now() + 90_000),
    }))
    server.byDefault = { body: {} }
    expect((await tokens.getToken()).lifetimeMs).toBe(90_000)
  })

  it('believes a year at most, whatever the expiry', async () => {
    const { tokens, server } = parsing(() => ({ accessToken: 'for-ever', expiresAt: '9999-12-31T23:59:59Z' }))
    server.byDefault = { body: {} }
    expect((await tokens.getToken()).lifetimeMs).toBe(365 * 24 * 3_600_000)
  })

  it.each([
    ['a date long past', () => new Date(1e10), 'expires_in_not_positive'],
    ['text of digits', () => '1700000000', 'expires_in_unreadable'],
    ['the first number that means milliseconds', () => 1e11, 'expires_in_not_positive'],
  ])('takes %s for no epoch seconds', async (_, expiresAt, deviation) => {
    const { tokens, server } = parsing(() => ({ accessToken: 'some-token', expiresAt: expiresAt() }))
    server.byDefault = { body: {} }
    const deviations: string[] = []
    tokens.on('responseDeviation', (event) => deviations.push(event.deviation))
    await tokens.getToken()
    expect(deviations).toEqual([deviation])
  })

  it('may say when the token is to be refreshed', async () => {
    const { tokens, server } = parsing(() => ({
      accessToken: 'some-token',
      lifetimeMs: 3_600_000,
      refreshInMs: 60_000,
    }))
    server.byDefault = { body: {} }
    expect((await tokens.getToken()).refreshInMs).toBe(60_000)
  })

  it('treats an expiry that is no date as missing, and tells', async () => {
    const { tokens, server } = parsing(() => ({ accessToken: 'some-token', expiresAt: 'tomorrow' }))
    server.byDefault = { body: {} }
    const deviations: string[] = []
    tokens.on('responseDeviation', ({ deviation }) => deviations.push(deviation))
    expect((await tokens.getToken()).lifetimeMs).toBe(300_000)
    expect(deviations).toEqual(['expires_in_unreadable'])
  })

  it.each([
    ['text', { lifetimeMs: '60000' }, 300_000, ['expires_in_unreadable']],
    ['null for an expiry', { expiresAt: null }, 300_000, ['expires_in_missing']],
  ])('treats a lifetime that is %s as none', async (_, received, lifetimeMs, deviations) => {
    const { tokens, server } = parsing(() => ({ accessToken: 'some-token', ...(received as object) }))
    server.byDefault = { body: {} }
    const seen: string[] = []
    tokens.on('responseDeviation', ({ deviation }) => seen.push(deviation))
    expect((await tokens.getToken()).lifetimeMs).toBe(lifetimeMs)
    expect(seen).toEqual(deviations)
  })

  it('must not be asynchronous, and what it fails with then goes nowhere else', async () => {
    const { tokens, server } = parsing((async () => {
      throw new Error('nobody waits for this')
    }) as never)
    server.byDefault = { body: {} }
    const error = await failure(tokens.getToken())
    expect(error).toMatchObject({ code: 'hook_failed' })
    expect(error.message).toContain('`parseResponse` for client "default" returned a promise')
  })

  it('may leave an answer to be read as usual, and does not see failures', async () => {
    const seen: number[] = []
    const { tokens, server, clock } = parsing(({ status }) => {
      seen.push(status)
      return undefined
    })
    server.script.push({ status: 503 })
    const token = tokens.getToken()
    await clock.advance(1000)
    expect((await token).reveal()).toBe('token-1')
    expect(seen).toEqual([200])
  })

  it('does not show the answer when it fails', async () => {
    const { tokens, server } = parsing(({ body }) => JSON.parse(body))
    server.byDefault = { body: 'access: Marker-T0ken' }
    const error = await failure(tokens.getToken())
    expect(error).toMatchObject({ code: 'hook_failed', retryable: false })
    expect(error.message).toContain('SyntaxError')
    expect(inspect(error, { depth: null })).not.toContain('Marker')
  })

  it('must give a token that can be sent', async () => {
    const { tokens, server } = parsing(() => ({ accessToken: 'two\nlines' }))
    server.byDefault = { body: {} }
    expect(await failure(tokens.getToken())).toMatchObject({ code: 'invalid_response' })
  })
})

describe('the hook applyToken', () => {
  const headersOf = async (applyToken: ClientOptions['applyToken']) =>
    AccessToken.headersOf(await managed({ applyToken }).tokens.getToken())

  it('says by which headers a token is carried', async () => {
    expect(await headersOf((token) => ({ 'X-Auth': `Token ${token.reveal()}`, 'X-Api-Key': 'k-1' }))).toEqual([
      ['X-Auth', 'Token token-1'],
      ['X-Api-Key', 'k-1'],
    ])
  })

  it('is called once for each token', async () => {
    let calls = 0
    const { tokens } = managed({
      applyToken: (token) => {
        calls += 1
        return { 'X-Auth': token.reveal() }
      },
    })
    for (let call = 0; call < 5; call++) await tokens.getToken()
    expect(calls).toBe(1)
  })

  it.each([
    ['nothing', () => undefined],
    ['no header', () => ({})],
    ['an illegal name', () => ({ 'a b': 'x' })],
    ['a line break', (token: AccessToken) => ({ 'X-Auth': `${token.reveal()}\r\nEvil: 1` })],
    ['a value that is no text', () => ({ 'X-Auth': undefined })],
    ['a header of the connection', (token: AccessToken) => ({ Host: token.reveal() })],
    ['a length', (token: AccessToken) => ({ 'X-Auth': token.reveal(), 'content-length': '3' })],
    ['one header twice', (token: AccessToken) => ({ 'X-Auth': token.reveal(), 'x-auth': 'b' })],
    ['the text of the token', (token: AccessToken) => token.reveal()],
    ['a promise', async () => ({ 'X-Auth': 'x' })],
    [
      'a promise that fails',
      async () => {
        throw new Error('nobody waits for this')
      },
    ],
    [
      'an error',
      (token: AccessToken) => {
        throw new Error(`no ${token.reveal()}`)
      },
    ],
  ])('fails with its name, and without the token, when it gives %s', async (_, applyToken) => {
    const error = await failure(managed({ applyToken: applyToken as never }).tokens.getToken())
    expect(error).toMatchObject({ code: 'hook_failed' })
    expect(error.message).toContain('`applyToken`')
    expect(inspect(error, { depth: null })).not.toContain('token-1')
  })
})

describe('the hook applyToken, of a token that is bound to a key', () => {
  const bound = async (scheme: string) => {
    const { tokens, server } = managed({
      dpop: true,
      applyToken: (token) => ({ authorization: `${scheme} ${token.reveal()}` }),
    })
    server.byDefault = { body: server.token({ token_type: 'DPoP' }) }
    return AccessToken.headersOf(await tokens.getToken())
  }

  it('may not make one for whoever has it', async () => {
    expect(await bound('DPoP')).toEqual([['authorization', 'DPoP token-1']])
    for (const scheme of ['Bearer', 'bearer']) {
      const error = await failure(bound(scheme))
      expect(error).toMatchObject({ code: 'hook_failed' })
      expect(error.message).toContain(
        '`applyToken` for client "default" sends a token that is bound to a key as Bearer',
      )
    }
  })
})

describe('the hook requestToken', () => {
  const custom = (requestToken: (wanted: TokenRequestDescription) => ReceivedToken | Promise<ReceivedToken>) => {
    const clock = new VirtualClock()
    return { clock, tokens: new TokenManager({ clock, clientId: 'partner', scope: 'a b', requestToken }) }
  }

  it('gets a token in any way, cached and shared like every other', async () => {
    const asked: TokenRequestDescription[] = []
    const { tokens } = custom(async (wanted) => {
      asked.push(wanted)
      return { accessToken: 'made-here', lifetimeMs: 60_000 }
    })
    const deviations: string[] = []
    tokens.on('responseDeviation', ({ deviation }) => deviations.push(deviation))
    const all = await Promise.all(Array.from({ length: 100 }, () => tokens.getToken()))
    expect(new Set(all.map((token) => token.reveal()))).toEqual(new Set(['made-here']))
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ client: 'default', clientId: 'partner', scope: ['a', 'b'] })
    expect(all[0]?.tokenType).toBe('Bearer')
    expect(deviations).toEqual([])
    expect(Object.isFrozen(asked[0])).toBe(true)
    const authorizationDetails = [{ type: 'payment', amount: 5 }]
    await tokens.getToken({ authorizationDetails })
    expect(asked[1]?.authorizationDetails).toEqual(authorizationDetails)
  })

  it.each([
    ['an error without a status', {}, true, 3],
    ['a fetch-like 503', { status: 503 }, true, 3],
    ['an axios-like 503', { response: { status: 503 } }, true, 3],
    ['a fetch-like 401', { status: 401 }, false, 1],
  ])('is tried again after a failure that may pass: %s', async (_, fields, retryable, attempts) => {
    let calls = 0
    const { tokens, clock } = custom((wanted) => {
      calls += 1
      wanted.hide('Marker-Password')
      throw Object.assign(new Error('Marker-Password was not accepted'), fields)
    })
    const failed = failure(tokens.getToken())
    await clock.advance(15_000)
    expect(await failed).toMatchObject({ code: 'hook_failed', retryable })
    expect(inspect(await failed, { depth: null })).not.toContain('Marker-Password')
    expect(calls).toBe(attempts)
  })

  it('ends with the attempt that it does not finish', async () => {
    const signals: AbortSignal[] = []
    const { tokens, clock } = custom(({ signal }) => {
      signals.push(signal)
      return new Promise(() => {})
    })
    const failed = failure(tokens.getToken())
    await clock.advance(15_000)
    expect(await failed).toMatchObject({ code: 'timeout' })
    expect(signals.every((signal) => signal.aborted)).toBe(true)
  })

  it.each([
    ['nothing', undefined],
    ['no token', { lifetimeMs: 1000 }],
    ['a token with a line break', { accessToken: 'a\nb' }],
  ])('fails with its name when it returns %s', async (_, received) => {
    const { tokens } = custom(() => received as never)
    const error = await failure(tokens.getToken())
    expect(error).toMatchObject({ code: 'hook_failed' })
    expect(error.message).toContain('`requestToken`')
    expect(error.message).toContain('returned no usable token: `accessToken` ')
  })

  it.each([
    ['tokenEndpoint', 'https://a.example'],
    ['clientSecret', 'x'],
    ['buildRequest', () => ({})],
  ] as const)('refuses %s beside it, which would have no effect', (option, value) => {
    const options = { clientId: 'partner', requestToken: () => ({ accessToken: 'x' }), [option]: value }
    expect(() => new TokenManager(options as ClientOptions)).toThrow(`\`${option}\` has no effect beside`)
  })
})

describe('what a hook returns', () => {
  const throwing = {
    get accessToken(): string {
      throw new Error('not yet')
    },
  }
  it.each(['parseResponse', 'requestToken'] as const)(
    'is the hook’s fault when it throws as it is read: %s',
    async (hook) => {
      const clock = new VirtualClock()
      const options = { [hook]: () => throwing }
      const { tokens } =
        hook === 'parseResponse'
          ? managed(options, clock)
          : { tokens: new TokenManager({ clock, clientId: 'partner', ...options } as ClientOptions) }
      const failed = failure(tokens.getToken())
      await clock.advance(15_000)
      expect(await failed).toMatchObject({ code: 'hook_failed' })
      expect((await failed).message).toContain(`\`${hook}\``)
    },
  )
})

describe('the hooks', () => {
  it.each(['buildRequest', 'parseResponse', 'applyToken', 'requestToken'])('must be functions: %s', (hook) => {
    expect(() => managed({ [hook]: 'x' })).toThrow(`\`${hook}\` must be a function`)
  })
})
