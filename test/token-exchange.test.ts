import { inspect } from 'node:util'
import pino from 'pino'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../src/client-options.ts'
import { attachTokenManager } from '../src/http/axios.ts'
import { createTokenFetch } from '../src/http/fetch.ts'
import { clientCredentials, jwtBearer, TokenManager, tokenExchange } from '../src/index.ts'
import type { TokenManagerSettings } from '../src/token-manager.ts'
import type { FetchLike } from '../src/transport.ts'
import { Api } from './http/axios-api.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf, managed } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const text = async (token: Promise<{ reveal(): string }>) => (await token).reveal()

/** A client that exchanges tokens, and a server whose every token names the user it is for. */
function exchanging(options: Partial<ClientOptions & TokenManagerSettings> = {}) {
  const made = managed({ grant: tokenExchange(), ...options })
  const { server } = made
  const asked = () => server.requests.map(({ form }) => form.get('subject_token') ?? 'the service')
  return { ...made, asked }
}

/** A transport that answers with a token named after the subject, and counts. */
function issuingByName() {
  const requests: URLSearchParams[] = []
  const transport: FetchLike = async (_, { body }) => {
    const form = new URLSearchParams(String(body))
    requests.push(form)
    const whose = form.get('subject_token') ?? 'service'
    const answer = { token_type: 'Bearer', expires_in: 3600, issued_token_type: ACCESS_TOKEN }
    return Response.json({ access_token: `token-of-${whose}-${requests.length}`, ...answer })
  }
  return { requests, transport }
}

const denied = (error: string) => ({ status: 400, body: { error } })

describe('a token on behalf of a user', () => {
  it('E3: is had for the user’s token, and cached for the next call', async () => {
    const { tokens, server } = exchanging()
    expect(await text(tokens.getToken({ subjectToken: 'alice' }))).toBe('token-1')
    expect(await text(tokens.getToken({ subjectToken: 'alice' }))).toBe('token-1')
    expect(server.requests.map(({ form }) => Object.fromEntries(form))).toEqual([
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: 'alice',
        subject_token_type: ACCESS_TOKEN,
      },
    ])
  })

  it('is requested once for 1,000 concurrent callers with one subject', async () => {
    const { tokens, server, clock } = exchanging()
    server.byDefault = { afterMs: 200 }
    const callers = Promise.all(Array.from({ length: 1000 }, () => text(tokens.getToken({ subjectToken: 'alice' }))))
    await clock.advance(200)
    expect(new Set(await callers)).toEqual(new Set(['token-1']))
    expect(server.requests).toHaveLength(1)
  })

  it('is never mixed with that of another user who asks at the same time', async () => {
    const { transport, requests } = issuingByName()
    const { tokens } = exchanging({ transport })
    const users = ['alice', 'bob', 'alice', 'bob']
    const given = await Promise.all(users.map((subjectToken) => text(tokens.getToken({ subjectToken }))))
    expect(given.map((token) => token.split('-')[2])).toEqual(users)
    expect(requests).toHaveLength(2)
  })

  it('F2, Q10: is one for each scope, resource and audience, which a call may narrow', async () => {
    const { tokens, server } = exchanging({ scope: 'orders', audience: 'https://orders.example' })
    const subjectToken = 'alice'
    await tokens.getToken({ subjectToken })
    await tokens.getToken({ subjectToken, scope: 'orders.read' })
    await tokens.getToken({ subjectToken, audience: 'https://billing.example' })
    await tokens.getToken({ subjectToken, resource: 'https://api.example' })
    await tokens.getToken({ subjectToken, scope: ['orders'] })
    expect(server.requests.map(({ form }) => [form.get('scope'), form.get('audience'), form.get('resource')])).toEqual([
      ['orders', 'https://orders.example', null],
      ['orders.read', 'https://orders.example', null],
      ['orders', 'https://billing.example', null],
      ['orders', 'https://orders.example', 'https://api.example'],
    ])
  })

  it('is exchanged again when a refresh is due, without a wait', async () => {
    const { tokens, server, clock, asked } = exchanging()
    const source = tokens.source({ subjectToken: 'alice' })
    await source.getToken()
    await clock.advance(3000_000)
    expect(await text(source.getToken())).toBe('token-1')
    await clock.settle()
    expect(await text(source.getToken())).toBe('token-2')
    expect(asked()).toEqual(['alice', 'alice'])
    expect(server.requests).toHaveLength(2)
  })

  it('is replaced once when an API rejects it', async () => {
    const { tokens, clock, asked } = exchanging()
    const first = await tokens.getToken({ subjectToken: 'alice' })
    await tokens.getToken({ subjectToken: 'bob' })
    await clock.advance(60_000)
    tokens.invalidate({ subjectToken: 'alice' }, first)
    tokens.invalidate({ subjectToken: 'alice' }, first)
    expect(await text(tokens.getToken({ subjectToken: 'alice' }))).toBe('token-3')
    expect(await text(tokens.getToken({ subjectToken: 'bob' }))).toBe('token-2')
    expect(asked()).toEqual(['alice', 'bob', 'alice'])
  })

  it('is never refreshed without calls, whatever `keepWarm` says and whoever holds a handle', async () => {
    const { tokens, clock, asked } = exchanging({ keepWarm: true })
    const source = tokens.source({ subjectToken: 'alice' })
    await source.getToken()
    await clock.advance(3 * 3600_000)
    expect(asked()).toEqual(['alice'])
    expect(source.inspect().state).toBe('expired')
  })

  it('is forgotten with its client, and by invalidateAll', async () => {
    const { tokens, asked } = exchanging()
    await tokens.getToken({ subjectToken: 'alice' })
    tokens.invalidateAll()
    await tokens.getToken({ subjectToken: 'alice' })
    expect(asked()).toHaveLength(2)
    const source = tokens.source({ subjectToken: 'alice' })
    tokens.removeClient('default' as never)
    expect(source.peek()).toBeUndefined()
    await expect(source.getToken()).rejects.toMatchObject({ code: 'unknown_client' })
  })

  it('is revoked on closing if that is asked for', async () => {
    const { tokens, server } = exchanging({ revocationEndpoint: 'https://auth.example.com/revoke' })
    await tokens.getToken({ subjectToken: 'alice' })
    await tokens.close({ revoke: true })
    expect(server.requests.at(-1)?.form.get('token')).toBe('token-1')
  })

  it('carries an actor token that is another client’s of the same manager', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens: TokenManager<'service' | 'users'> = new TokenManager({
      clock,
      clients: {
        service: clientOf(server),
        users: clientOf(server, {
          grant: tokenExchange({ actorToken: () => tokens.getAccessToken({ client: 'service' }) }),
        }),
      },
    })
    await tokens.getToken({ client: 'users', subjectToken: 'alice' })
    expect(Object.fromEntries(server.requests.at(-1)?.form ?? [])).toMatchObject({
      ...{ subject_token: 'alice', actor_token: 'token-1', actor_token_type: ACCESS_TOKEN },
    })
  })

  it('is had by the user’s own assertion where the server wants that', async () => {
    const { tokens, server } = managed({
      grant: jwtBearer(),
      parameters: { requested_token_use: 'on_behalf_of' },
    })
    await tokens.getToken({ subjectToken: 'alice' })
    await tokens.getToken({ subjectToken: 'bob' })
    expect(server.requests.map(({ form }) => Object.fromEntries(form))).toEqual(
      ['alice', 'bob'].map((assertion) => ({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        requested_token_use: 'on_behalf_of',
        assertion,
      })),
    )
  })
})

describe('a request that does not say on whose behalf', () => {
  it('fails, says what is missing, and asks the server nothing', async () => {
    const { tokens, server } = exchanging({ keepWarm: true })
    for (const failing of [tokens.getToken(), tokens.source().getToken(), tokens.getToken({ forceRefresh: true })]) {
      await expect(failing).rejects.toMatchObject({
        code: 'subject_token_missing',
        client: 'default',
        retryable: false,
        message: expect.stringContaining('`subjectToken`'),
      })
    }
    expect(server.requests).toEqual([])
  })

  it('does not disturb those that do', async () => {
    const { tokens } = exchanging()
    await expect(tokens.getToken()).rejects.toMatchObject({ code: 'subject_token_missing' })
    expect(await text(tokens.getToken({ subjectToken: 'alice' }))).toBe('token-1')
  })

  it('is not waited for by ready(), which waits for the service’s own tokens', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const clients = { service: clientOf(server), users: clientOf(server, { grant: tokenExchange() }) }
    const tokens = new TokenManager({ clock, clients })
    await tokens.ready()
    expect(server.requests).toHaveLength(1)
    expect(tokens.inspect().map(({ client }) => client)).toEqual(['service'])
  })

  it('fails with `closed` once the manager is', async () => {
    const { tokens } = exchanging()
    await tokens.close()
    await expect(tokens.getToken()).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('a wrong subject token', () => {
  it.each<[string, unknown, string]>([
    ['with the scheme of the header', 'Bearer Marker-S3cret', 'begins with "Bearer "'],
    ['with a line break', 'Marker-S3cret\n', 'has characters that no token has'],
    ['that is empty', '', 'must be a non-empty string'],
    ['that is null', null, 'must be a non-empty string'],
    ['that is no text', { token: 'Marker-S3cret' }, 'must be a non-empty string'],
  ])('is a TypeError that does not show it: %s', async (_, subjectToken, message) => {
    const { tokens } = exchanging()
    const error = await tokens.getToken({ subjectToken: subjectToken as string }).catch((reason) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(`\`subjectToken\` ${message}`)
    expect(inspect(error)).not.toContain('Marker')
  })

  it('is a TypeError for a client whose grant does not use it, and never gets the service’s token', async () => {
    for (const grant of [undefined, clientCredentials(), jwtBearer({ assertion: () => 'a.b.c' })]) {
      const { tokens, server } = managed({ grant })
      const error = await tokens.getToken({ subjectToken: 'Marker-S3cret' }).catch((reason) => reason)
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toMatch(/`subjectToken` is not used by the grant of client "default".*tokenExchange/)
      expect(error.message).not.toContain('Marker')
      expect(server.requests).toEqual([])
    }
  })
})

describe('a user’s token that has expired', () => {
  it('takes nothing away while the token is valid, then is an error that says what to do', async () => {
    const { tokens, server, clock } = exchanging()
    const get = () => text(tokens.getToken({ subjectToken: 'alice' }))
    expect(await get()).toBe('token-1')
    server.byDefault = denied('invalid_grant')
    for (let minute = 0; minute < 59; minute += 1) {
      await clock.advance(60_000)
      expect(await get()).toBe('token-1')
    }
    await clock.advance(60_000)
    const error = await tokens.getToken({ subjectToken: 'alice' }).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'request_denied', error: 'invalid_grant', retryable: false })
    expect(error.hint).toMatch(/`subjectToken`, may have expired.*ask again with the user's new one/)
    // Some answer with this, as RFC 8693 §2.2.2 says.
    await clock.advance(60_000)
    server.byDefault = denied('invalid_request')
    const other = await tokens.getToken({ subjectToken: 'alice' }).catch((reason) => reason)
    expect(other.hint).toMatch(/ask again with the user's new one/)
    expect(server.requests.length).toBeLessThan(40)
  })

  it.each([
    ['as an OAuth error', denied('invalid_grant')],
    ['as RFC 8693 §2.2.2 has it', denied('invalid_request')],
    ['in a way of the server’s own', { status: 400, body: '<p>bad token' }],
  ])('does not disturb other users, nor does the server hear of it again at once: %s', async (_, refusal) => {
    const { tokens, server } = exchanging()
    await tokens.getToken({ subjectToken: 'alice' })
    server.script.push(refusal)
    const mallory = () => tokens.getToken({ subjectToken: 'mallory' }).catch((reason) => reason.status)
    expect([await mallory(), await mallory()]).toEqual([400, 400])
    expect(await text(tokens.getToken({ subjectToken: 'alice' }))).toBe('token-1')
    expect(await text(tokens.getToken({ subjectToken: 'bob' }))).toBe('token-2')
    expect(server.requests).toHaveLength(3)
  })

  it('is logged as a warning, while wrong credentials of the client are an error', async () => {
    const lines: { level: number; subject?: string }[] = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line)) })
    const { tokens, server } = exchanging({ logger })
    server.script.push(denied('invalid_grant'), denied('invalid_client'))
    for (const subjectToken of ['alice', 'bob']) await tokens.getToken({ subjectToken }).catch(() => {})
    expect(lines.map(({ level, subject }) => [level, subject])).toEqual([
      [pino.levels.values.warn, '2bd806c9'],
      [pino.levels.values.error, '81b637d8'],
    ])
  })
})

describe('events and inspections of tokens on behalf of users', () => {
  it('name the user’s token by the start of its SHA-256, and those of the service name none', async () => {
    const { tokens } = exchanging()
    const subjects: unknown[] = []
    tokens.on('tokenReceived', ({ subject }) => subjects.push(subject))
    await tokens.getToken({ subjectToken: 'alice' })
    expect(subjects).toEqual(['2bd806c9'])
    expect(tokens.inspect().map(({ subject }) => subject)).toEqual(['2bd806c9'])
    const own = managed()
    own.tokens.on('tokenReceived', (event) => subjects.push(Object.hasOwn(event, 'subject')))
    await own.tokens.getToken()
    expect(subjects.at(-1)).toBe(false)
    expect(Object.hasOwn(own.tokens.inspect()[0] ?? {}, 'subject')).toBe(false)
  })

  it('and keys show nothing more of it', async () => {
    const { tokens } = exchanging()
    const source = tokens.source({ subjectToken: 'Marker-S3cret' })
    await source.getToken()
    const all = { showHidden: true, getters: true, customInspect: false, depth: null }
    const shown = [tokens, source, source.inspect(), source.parameters()].flatMap((each) => [
      ...[inspect(each), inspect(each, all), String(JSON.stringify(each)), String(each)],
    ])
    expect([...shown, source.key()].join()).not.toContain('Marker')
  })
})

describe('the answer to a token exchange', () => {
  const answer = (members: object) => ({ body: { access_token: 't', expires_in: 60, ...members } })

  it('E4: is taken without `issued_token_type`, which is told, unless that is refused', async () => {
    const { tokens, server } = exchanging()
    const deviations: string[] = []
    tokens.on('responseDeviation', ({ deviation }) => deviations.push(deviation))
    server.script.push(answer({ token_type: 'Bearer', issued_token_type: ACCESS_TOKEN }))
    await tokens.getToken({ subjectToken: 'alice' })
    expect(deviations).toEqual([])
    server.script.push(answer({ token_type: 'Bearer' }))
    await tokens.getToken({ subjectToken: 'bob' })
    expect(deviations).toEqual(['issued_token_type_missing'])
    const strict = exchanging({ strictTokenType: true })
    strict.server.script.push(answer({ token_type: 'Bearer' }))
    await expect(strict.tokens.getToken({ subjectToken: 'bob' })).rejects.toMatchObject({
      code: 'invalid_response',
      message: expect.stringContaining('`issued_token_type` is missing'),
    })
  })

  it.each(['N_A', 'n_a'])('E4: is refused when it is no access token: token_type %s', async (token_type) => {
    const { tokens, server } = exchanging()
    server.script.push(answer({ token_type, issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }))
    await expect(tokens.getToken({ subjectToken: 'alice' })).rejects.toMatchObject({
      code: 'invalid_response',
      retryable: false,
      hint: expect.stringContaining('`requestedTokenType`'),
    })
  })

  it('needs no `issued_token_type` for other grants', async () => {
    const { tokens, server } = managed({ strictTokenType: true })
    server.script.push(answer({ token_type: 'Bearer' }))
    expect(await text(tokens.getToken())).toBe('t')
  })

  it('needs none either where a function finds the token', async () => {
    const parseResponse: ClientOptions['parseResponse'] = ({ body }) => ({ accessToken: JSON.parse(body).jwt })
    const { tokens, server } = exchanging({ parseResponse, strictTokenType: true })
    server.script.push({ body: { jwt: 't' } })
    expect(await text(tokens.getToken({ subjectToken: 'alice' }))).toBe('t')
  })

  it('that names a type it does not know leaves the name readable, and no token', async () => {
    const subjectTokenType = 'urn:ietf:params:oauth:token-type:saml2'
    const { tokens, server } = exchanging({ grant: tokenExchange({ subjectTokenType }) })
    const error_description = `no ${subjectTokenType} here: the-token-of-alice`
    server.script.push({ status: 400, body: { error: 'invalid_request', error_description } })
    await expect(tokens.getToken({ subjectToken: 'the-token-of-alice' })).rejects.toMatchObject({
      errorDescription: `no ${subjectTokenType} here: [redacted]`,
    })
  })

  it.each([
    ['unauthorized_client', 'Allow this client the grant urn:ietf:params:oauth:grant-type:token-exchange'],
    ['unsupported_grant_type', 'does not offer the grant urn:ietf:params:oauth:grant-type:token-exchange'],
  ])('that is %s says which grant is not allowed', async (error, hint) => {
    const { tokens, server } = exchanging()
    server.script.push(denied(error))
    await expect(tokens.getToken({ subjectToken: 'alice' })).rejects.toMatchObject({
      hint: expect.stringContaining(hint),
    })
  })
})

describe('a request to an API', () => {
  it('carries the token of the user it names, by axios', async () => {
    const { transport } = issuingByName()
    const { tokens } = exchanging({ transport })
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    for (const subjectToken of ['alice', 'bob', 'alice']) await client.get('/orders', { token: { subjectToken } })
    await client.get('/orders', { token: tokens.source({ subjectToken: 'bob' }) })
    expect(api.authorizations).toEqual(['alice-1', 'bob-2', 'alice-1', 'bob-2'].map((one) => `Bearer token-of-${one}`))
    await expect(client.get('/orders')).rejects.toMatchObject({ code: 'subject_token_missing' })
    expect(api.requests).toHaveLength(4)
  })

  it('is sent once more with another token of the same user when the API rejects the first', async () => {
    const { transport } = issuingByName()
    const { tokens } = exchanging({ transport })
    const api = new Api()
    api.answer = ({ authorization }) => ({ status: authorization === 'Bearer token-of-alice-1' ? 401 : 200 })
    const client = api.client()
    attachTokenManager(client, tokens, { scope: 'read' })
    await client.get('/orders', { token: { subjectToken: 'alice' } })
    expect(api.authorizations).toEqual(['Bearer token-of-alice-1', 'Bearer token-of-alice-2'])
    await client.get('/orders', { token: { subjectToken: 'alice', scope: 'read' } })
    expect(api.authorizations.at(-1)).toBe('Bearer token-of-alice-2')
  })

  it('carries the token of the user it names, by fetch', async () => {
    const { transport } = issuingByName()
    const { tokens } = exchanging({ transport })
    const sent: (string | null)[] = []
    const implementation = async (_: unknown, init: RequestInit) => {
      sent.push(new Headers(init.headers).get('authorization'))
      return new Response()
    }
    const fetch = createTokenFetch(tokens, { origins: ['https://api.example.com'], fetch: implementation as never })
    await fetch('https://api.example.com/', { token: { subjectToken: 'alice' } })
    await fetch('https://api.example.com/', { token: { subjectToken: 'bob' } })
    expect(sent).toEqual(['Bearer token-of-alice-1', 'Bearer token-of-bob-2'])
    await expect(fetch('https://api.example.com/')).rejects.toMatchObject({ code: 'subject_token_missing' })
  })

  it('cannot have one user’s token by default', () => {
    const { tokens } = exchanging()
    const options = { subjectToken: 'alice' } as object
    expect(() => attachTokenManager(new Api().client(), tokens, options)).toThrow('`subjectToken` is not an option')
  })
})

describe('authorization details', () => {
  const details = [{ type: 'payment', amount: { currency: 'EUR', value: '5' } }]

  it('E6: are sent as the client’s options or the call say, and what was granted can be read', async () => {
    const { tokens, server } = managed({ authorizationDetails: details })
    const enriched = [{ ...details[0], id: 'p-1' }]
    server.script.push({ body: server.token({ authorization_details: enriched }) })
    const token = await tokens.getToken()
    expect(token.authorizationDetails).toEqual(enriched)
    expect(Object.isFrozen(token.authorizationDetails?.[0])).toBe(true)
    expect(inspect(token) + JSON.stringify(token)).not.toContain('p-1')
    const other = await tokens.getToken({ authorizationDetails: [{ type: 'account' }] })
    expect(other.authorizationDetails).toBeUndefined()
    await tokens.getToken({ authorizationDetails: [] })
    expect(server.requests.map(({ form }) => JSON.parse(form.get('authorization_details') ?? 'null'))).toEqual([
      details,
      [{ type: 'account' }],
      null,
    ])
  })

  it('E6: that say the same in another order have the same token', async () => {
    const { tokens, server } = managed()
    await tokens.getToken({ authorizationDetails: details })
    await tokens.getToken({ authorizationDetails: [{ amount: { value: '5', currency: 'EUR' }, type: 'payment' }] })
    await tokens.getToken({ authorizationDetails: [{ type: 'payment', amount: { value: 5, currency: 'EUR' } }] })
    expect(server.requests).toHaveLength(2)
  })

  it('E6: that the server refuses fail their own requests only', async () => {
    const { tokens, server } = managed()
    server.script.push(denied('invalid_authorization_details'))
    const error = await tokens.getToken({ authorizationDetails: details }).catch((reason) => reason)
    expect(error).toMatchObject({
      ...{ code: 'request_denied', error: 'invalid_authorization_details', retryable: false },
      hint: expect.stringContaining('`authorizationDetails`'),
    })
    await expect(tokens.getToken({ authorizationDetails: details })).rejects.toBe(error)
    expect(await text(tokens.getToken())).toBe('token-1')
    expect(server.requests).toHaveLength(2)
  })

  it('E5: a target that the server refuses fails its own requests only', async () => {
    const { tokens, server } = managed()
    server.script.push(denied('invalid_target'))
    await expect(tokens.getToken({ resource: 'urn:a' })).rejects.toMatchObject({ error: 'invalid_target' })
    expect(await text(tokens.getToken({ resource: 'urn:b' }))).toBe('token-1')
    expect(await text(tokens.getToken({ resource: ['urn:b', 'urn:a'] }))).toBe('token-2')
    expect(server.requests.at(-1)?.form.getAll('resource')).toEqual(['urn:b', 'urn:a'])
  })
})

describe('very many users', () => {
  const SUBJECTS = 20_000
  const KEPT = 1000

  it('do not take away the service’s own tokens, nor more memory than they may', async () => {
    const { transport } = issuingByName()
    const clock = new VirtualClock()
    const client = { ...clientOf(new AuthorizationServer(clock)), transport }
    const tokens = new TokenManager({
      ...{ clock, maxTokens: 10, maxExchangedTokens: KEPT },
      clients: { service: client, users: { ...client, grant: tokenExchange() } },
    })
    const own = await Promise.all(
      ['', 'a', 'b', 'c'].map(async (scope) => await tokens.getToken({ client: 'service', scope })),
    )
    for (let i = 0; i < SUBJECTS; i += 500) {
      const some = Array.from({ length: 500 }, (_, j) => `user${i + j}`)
      await Promise.all(some.map((subjectToken) => tokens.getToken({ client: 'users', subjectToken })))
    }
    expect(tokens.inspect()).toHaveLength(4 + KEPT)
    const again = ['', 'a', 'b', 'c'].map(async (scope) => await tokens.getToken({ client: 'service', scope }))
    const isSame = (await Promise.all(again)).map((token, i) => token === own[i])
    expect(isSame).toEqual([true, true, true, true])
  }, 300_000)

  it('do not push out an exchange that is under way, whose callers share it', async () => {
    const { transport, requests } = issuingByName()
    const held = Promise.withResolvers<void>()
    const slow: FetchLike = async (url, init) => {
      const answer = await transport(url, init)
      if (String(init.body).includes('alice')) await held.promise
      return answer
    }
    const { tokens } = exchanging({ transport: slow, maxExchangedTokens: 5, timeoutMs: 600_000 })
    await tokens.getToken({ subjectToken: 'first' })
    const early = text(tokens.getToken({ subjectToken: 'alice' }))
    for (let i = 0; i < 100; i += 1) await tokens.getToken({ subjectToken: `user${i}` })
    const late = text(tokens.getToken({ subjectToken: 'alice' }))
    held.resolve()
    expect(await late).toBe(await early)
    expect(requests.filter((form) => form.get('subject_token') === 'alice')).toHaveLength(1)
  })

  it('do not push out the token that somebody holds a handle on', async () => {
    const { transport } = issuingByName()
    const { tokens } = exchanging({ transport, maxExchangedTokens: 2 })
    const source = tokens.source({ subjectToken: 'alice' })
    const token = await source.getToken()
    for (let i = 0; i < 10; i += 1) await tokens.getToken({ subjectToken: `user${i}` })
    expect(await tokens.getToken({ subjectToken: 'alice' })).toBe(token)
  })

  it.each([0, 1.5, -1, 1_000_001, '10'])('are as many as a whole number says: not %s', (maxExchangedTokens) => {
    expect(() => exchanging({ maxExchangedTokens: maxExchangedTokens as number })).toThrow(
      /`maxExchangedTokens` must be a whole number from 1 to 1000000/,
    )
  })
})

describe('the option `grant`', () => {
  it.each<[string, unknown, string]>([
    ['a name', 'client_credentials', 'Write `grant: tokenExchange()`'],
    ['a factory that was not called', tokenExchange, 'Call the factory.'],
    ['a function', () => {}, 'Call the factory.'],
    ['null', null, 'Write'],
  ])('is what a factory returned, not %s', (_, grant, hint) => {
    const wrong = () => managed({ grant: grant as never })
    expect(wrong).toThrow('`grant` must be what `tokenExchange`, `jwtBearer` or `clientCredentials` returned')
    expect(wrong).toThrow(hint)
  })

  it('has no effect beside `requestToken`, and is refused', () => {
    const requestToken = () => ({ accessToken: 't' })
    expect(() => new TokenManager({ clientId: 'a', requestToken, grant: tokenExchange() })).toThrow(
      '`grant` has no effect beside `requestToken`',
    )
  })

  it('is part of the key', () => {
    const keyOf = (grant: ClientOptions['grant']) => managed({ grant }).tokens.source().key()
    const grants = [undefined, tokenExchange(), tokenExchange({ requestedTokenType: ACCESS_TOKEN }), jwtBearer()]
    expect(new Set(grants.map(keyOf)).size).toBe(grants.length)
    expect(keyOf(undefined)).toBe(keyOf(clientCredentials()))
  })
})
