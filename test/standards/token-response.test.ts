import { describe, expect, it } from 'vitest'
import { type TokenResponseDeviation, TokenResponseError } from '../../src/index.ts'
import type { ScriptedAnswer } from '../support/authorization-server.ts'
import { managed } from '../support/managed.ts'

const PROPER = { access_token: 'the-token', token_type: 'Bearer', expires_in: 3600 }

/** What becomes of one answer of the token endpoint. */
async function reading(answer: ScriptedAnswer, options: Parameters<typeof managed>[0] = {}) {
  const { tokens, server, clock } = managed({ maxAttempts: 1, ...options })
  const deviations: TokenResponseDeviation[] = []
  tokens.on('responseDeviation', ({ deviation }) => deviations.push(deviation))
  server.script.push(answer)
  const settled = Promise.allSettled([tokens.getToken()])
  await clock.advance(answer.afterMs ?? 0)
  const [result] = await settled
  const token = result.status === 'fulfilled' ? result.value : undefined
  const error = result.status === 'rejected' ? (result.reason as TokenResponseError) : undefined
  return { token, error, deviations, tokens, server, clock }
}

const withMember = (name: string, value: unknown) => ({ body: { ...PROPER, [name]: value } })
const without = (name: string) => ({
  body: Object.fromEntries(Object.entries(PROPER).filter(([each]) => each !== name)),
})

describe('token response', () => {
  it('P1: takes any 2xx with a usable token', async () => {
    for (const status of [200, 201, 202, 206]) {
      expect((await reading({ status, body: PROPER })).token?.reveal()).toBe('the-token')
    }
    expect((await reading({ body: [PROPER] })).error?.code).toBe('invalid_response')
  })

  it.each([
    ['missing', without('access_token')],
    ['null', withMember('access_token', null)],
    ['a number', withMember('access_token', 7)],
    ['empty', withMember('access_token', '')],
    ['with a line break', withMember('access_token', 'a\r\nb')],
    ['not ASCII', withMember('access_token', 'tökén')],
    ['with a space around it', withMember('access_token', ' a')],
  ])('P2: refuses an access token that is %s', async (_, answer) => {
    expect((await reading(answer)).error).toMatchObject({ code: 'invalid_response', retryable: false })
  })

  it('P2: takes printable ASCII beyond the b64token grammar', async () => {
    for (const token of ['a|b', 'a:b', '00D!AQ', 'a b', '{"a":1}']) {
      expect((await reading(withMember('access_token', token))).token?.reveal()).toBe(token)
    }
  })

  it('P3: compares the token type without case, and uses no type that it does not understand', async () => {
    for (const type of ['bearer', 'BEARER', 'Bearer']) {
      expect((await reading(withMember('token_type', type))).token?.tokenType).toBe('Bearer')
    }
    for (const type of ['DPoP', 'mac', 'N_A', 7]) {
      expect((await reading(withMember('token_type', type))).error?.code).toBe('invalid_response')
    }
    expect(await reading(without('token_type'))).toMatchObject({
      token: { tokenType: 'Bearer' },
      deviations: ['token_type_missing'],
    })
  })

  it('P4: counts from before the request was sent, on the clock that is more pessimistic', async () => {
    const { token, tokens, server, clock } = await reading({ body: { ...PROPER, expires_in: 60 }, afterMs: 4000 })
    expect(token?.expiresAt).toBe(clock.now() - 4000 + 60_000)
    clock.moveWall(55_000)
    await tokens.getToken()
    expect(server.requests).toHaveLength(2)
  })

  it('P5: says which scopes were granted, and keys on those requested', async () => {
    const { tokens, server } = managed({ scope: 'a b' })
    const narrowed: (readonly string[])[] = []
    tokens.on('scopeNarrowed', ({ granted }) => narrowed.push(granted))
    server.byDefault = { body: { ...PROPER, scope: 'b' } }
    expect((await tokens.getToken()).scope).toEqual(['b'])
    await tokens.getToken({ scope: 'b a' })
    expect(server.requests).toHaveLength(1)
    await tokens.getToken({ scope: 'b' })
    expect(server.requests).toHaveLength(2)
    expect(narrowed).toEqual([['b']])
  })

  it('P6: passes over unknown members, and takes a token of 64 KiB', async () => {
    const body = {
      ...PROPER,
      access_token: 'x'.repeat(65_536),
      ext_expires_in: 9,
      'not-before-policy': 0,
      nested: [{}],
    }
    expect((await reading({ body })).token?.reveal()).toHaveLength(65_536)
  })

  it('P7: passes over a refresh token', async () => {
    const { tokens, server } = await reading(withMember('refresh_token', 'r'))
    await tokens.getToken({ forceRefresh: true })
    expect([...(server.requests[1]?.form ?? [])]).toEqual([['grant_type', 'client_credentials']])
  })

  it('P8: says nothing to HTTP caches, since token responses are answers to POST', async () => {
    const { server } = await reading({ body: PROPER, headers: { 'cache-control': 'public, max-age=9999' } })
    expect(server.requests[0]?.method).toBe('POST')
  })

  it('P9: reads `error`, and shows the rest cleaned and cut', async () => {
    const description = `\u001b[31mno\u202e correct horse ${'x'.repeat(1_000_00)}`
    const { error } = await reading({ status: 400, body: { error: 'invalid_scope', error_description: description } })
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ error: 'invalid_scope', status: 400 })
    expect(error?.errorDescription).toMatch(/^\[31mno \[redacted\] x+…$/)
    expect(error?.errorDescription?.length).toBeLessThanOrEqual(300)
  })
})

describe('a deviation of deployed servers', () => {
  it('S1: Basic credentials that are not form-decoded', async () => {
    const { tokens, server } = managed({ clientSecret: 'a+b/c=', basicEncoding: 'raw' })
    await tokens.getToken()
    const [, credentials = ''] = server.requests[0]?.headers.authorization?.split(' ') ?? []
    expect(Buffer.from(credentials, 'base64').toString()).toBe('orders-service:a+b/c=')
  })

  it('S2: `expires_in` as text is taken if it is digits', async () => {
    expect((await reading(withMember('expires_in', '1800'))).token?.lifetimeMs).toBe(1_800_000)
    for (const text of ['1800s', '1e3', '0x10', '30 minutes', ' 5']) {
      expect(await reading(withMember('expires_in', text))).toMatchObject({
        token: { lifetimeMs: 300_000 },
        deviations: ['expires_in_unreadable'],
      })
    }
  })

  it('S3: no `expires_in` is as configured, else 5 minutes with an event', async () => {
    expect(await reading(without('expires_in'))).toMatchObject({
      token: { lifetimeMs: 300_000 },
      deviations: ['expires_in_missing'],
    })
    expect(await reading(without('expires_in'), { defaultLifetimeMs: 900_000 })).toMatchObject({
      token: { lifetimeMs: 900_000 },
      deviations: [],
    })
  })

  it('S4: an epoch or an absurd figure in `expires_in`', async () => {
    const { clock } = managed()
    const epoch = Math.floor(clock.now() / 1000) + 1800
    const read = await reading(withMember('expires_in', epoch))
    expect(read.deviations).toEqual(['expires_in_is_epoch'])
    expect(read.token?.lifetimeMs).toBeGreaterThan(1_799_000)
    expect(read.token?.lifetimeMs).toBeLessThanOrEqual(1_800_000)
    expect(await reading(withMember('expires_in', 999_999_999))).toMatchObject({
      token: { lifetimeMs: 365 * 24 * 3_600_000 },
      deviations: ['expires_in_capped'],
    })
  })

  it('S5: less than a second in `expires_in`, zero or less, is of use once', async () => {
    for (const seconds of [0.5, 0, -1]) {
      const { token, deviations, tokens, server, clock } = await reading(withMember('expires_in', seconds))
      expect(token?.lifetimeMs).toBe(0)
      expect(deviations).toEqual(['expires_in_not_positive'])
      const next = tokens.getToken()
      await clock.advance(1000)
      expect(await next).not.toBe(token)
      expect(server.requests).toHaveLength(2)
    }
  })

  it('S6: `bearer` in lower case is sent as `Bearer`', async () => {
    expect((await reading(withMember('token_type', 'bearer'))).token?.tokenType).toBe('Bearer')
  })

  it('S7: no `token_type` means Bearer, with an event, unless it is refused', async () => {
    expect((await reading(without('token_type'))).deviations).toEqual(['token_type_missing'])
    expect((await reading(without('token_type'), { strictTokenType: true })).error?.code).toBe('invalid_response')
  })

  it('S8: 201 is as good as 200', async () => {
    expect((await reading({ status: 201, body: PROPER })).token).toBeDefined()
  })

  it('S9: 200 with an `error` and no token is a failure', async () => {
    const body = { error: 'bad_verification_code', error_description: 'expired' }
    expect((await reading({ body })).error).toMatchObject({ code: 'request_denied', error: 'bad_verification_code' })
  })

  it.each(['text/plain', 'text/javascript', 'application/x-javascript', ''])('S10: JSON labelled %j', async (type) => {
    expect((await reading({ body: PROPER, headers: { 'content-type': type } })).token).toBeDefined()
  })

  it('S11: JSON is asked for, and a form is read if it is labelled so', async () => {
    const body = 'access_token=the-token&token_type=bearer&expires_in=60'
    const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
    const { token, server } = await reading({ body, headers: form })
    expect(token).toMatchObject({ lifetimeMs: 60_000 })
    expect(server.requests[0]?.headers.accept).toBe('application/json')
    expect((await reading({ body, headers: { 'content-type': 'text/plain' } })).error?.code).toBe('invalid_response')
  })

  it('S12: HTML or XML is an error that says so, without the body', async () => {
    const { error } = await reading({ body: '<html>Marker</html>', headers: { 'content-type': 'text/html' } })
    expect(error).toMatchObject({ code: 'invalid_response', status: 200 })
    expect(error?.message).toContain('text/html, 19 bytes')
    expect(error?.message).not.toContain('Marker')
  })

  it.each([400, 401, 403, 500, 503])('S13: `invalid_client` is `invalid_client` with status %i too', async (status) => {
    const { error } = await reading({ status, body: { error: 'invalid_client' } })
    expect(error).toMatchObject({ code: 'request_denied', error: 'invalid_client', retryable: false })
  })

  it('S13: a 401 in plain text is a refusal for good', async () => {
    const answer = { status: 401, body: 'Unauthorized', headers: { 'content-type': 'text/plain' } }
    expect((await reading(answer)).error).toMatchObject({ code: 'invalid_response', status: 401, retryable: false })
  })

  it('S14: other members are passed over, but `refresh_in` is heeded', async () => {
    const body = { ...PROPER, refresh_in: 1000, ext_expires_in: 99_999, refresh_expires_in: 0 }
    const { tokens, server, clock, token } = await reading({ body })
    expect(token?.lifetimeMs).toBe(3_600_000)
    await clock.advance(1_000_000)
    await tokens.getToken()
    await clock.advance(0)
    expect(server.requests).toHaveLength(2)
  })

  it('S15: other names of members are for a hook, and never guessed', async () => {
    const body = { accessToken: 'the-token', expiresIn: 60 }
    expect((await reading({ body })).error?.code).toBe('invalid_response')
    const parseResponse = () => ({ accessToken: 'the-token', lifetimeMs: 60_000 })
    expect((await reading({ body }, { parseResponse })).token?.lifetimeMs).toBe(60_000)
  })

  it.each(['Atza|IQEB', 'perm:token', '00D0000!AQ'])('S16: a token outside the b64token grammar: %s', async (token) => {
    expect((await reading(withMember('access_token', token))).token?.reveal()).toBe(token)
  })

  it('S17: a server that gives the same token until it dies is not asked without end', async () => {
    const { tokens, server, clock } = managed()
    const dies = clock.now() + 600_000
    for (let left = dies - clock.now(); left > 0; left = dies - clock.now()) {
      server.byDefault = { body: { ...PROPER, expires_in: Math.ceil(left / 1000) } }
      await tokens.getToken()
      await clock.advance(1000)
    }
    expect(server.requests.length).toBeLessThan(40)
  })
})
