import { describe, expect, it } from 'vitest'
import { TOKEN_EXCHANGE } from '../src/grant/grant.ts'
import { readTokenResponse } from '../src/token-response.ts'
import {
  answer,
  CONTEXT,
  everyOutput,
  failure,
  REQUESTED_AT,
  read,
  SECRET,
  SUCCESS,
  TOKEN,
  YEAR_MS,
} from './support/token-endpoint-answer.ts'

describe('a token response', () => {
  it('is read as RFC 6749 §5.1 shows it', () => {
    expect(read({ ...SUCCESS, scope: 'orders.read' })).toEqual({
      accessToken: TOKEN,
      tokenType: 'Bearer',
      lifetimeMs: 3_600_000,
      refreshInMs: undefined,
      scope: ['orders.read'],
      deviations: [],
    })
  })

  it.each([200, 201, 202, 203, 299])('may have status %i', (status) => {
    expect(readTokenResponse(answer(SUCCESS, status), CONTEXT).accessToken).toBe(TOKEN)
  })

  it.each([100, 199, 300, 400])('is none under status %i, whatever it holds', (status) => {
    expect(failure(answer(SUCCESS, status))).toMatchObject({ status })
  })

  it('says what of the authorization details was granted', () => {
    const details = [{ type: 'account', actions: ['read'] }]
    expect(read({ ...SUCCESS, authorization_details: details }).authorizationDetails).toEqual(details)
  })

  it.each([
    'text/plain',
    'text/html',
    'application/javascript; charset=utf-8',
    'application/x-www-form-urlencoded',
    undefined,
  ])('in JSON may be labelled %s', (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
    expect(readTokenResponse(answer(SUCCESS, 200, headers), CONTEXT).accessToken).toBe(TOKEN)
  })

  it('may begin with a byte order mark and be surrounded by white space', () => {
    expect(read(`\ufeff${JSON.stringify(SUCCESS)}`).accessToken).toBe(TOKEN)
    expect(read(`\ufeff\r\n ${JSON.stringify(SUCCESS)}\n`).accessToken).toBe(TOKEN)
  })

  it.each([
    'application/x-www-form-urlencoded',
    'Application/X-WWW-Form-Urlencoded;charset=UTF-8',
    ' application/x-www-form-urlencoded ; charset=utf-8',
  ])('may be a form if it is labelled %j', (type) => {
    const body = 'access_token=a%2Fb+c&token_type=bearer&expires_in=60&scope=x+y'
    expect(readTokenResponse(answer(body, 200, { 'content-type': type }), CONTEXT)).toMatchObject({
      accessToken: 'a/b c',
      lifetimeMs: 60_000,
      scope: ['x', 'y'],
      deviations: [],
    })
  })

  it.each(['application/json', 'text/plain', 'x-application/x-www-form-urlencoded', undefined])(
    'is no form if it is labelled %s',
    (type) => {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
      expect(failure(answer(`access_token=${TOKEN}`, 200, headers)).code).toBe('invalid_response')
    },
  )

  it('takes the first of several values in a form, and the last of several members in JSON', () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(readTokenResponse(answer('access_token=one&access_token=two', 200, form), CONTEXT).accessToken).toBe('one')
    expect(read('{"access_token":"one","access_token":"two"}').accessToken).toBe('two')
  })

  it('counts only its own members', () => {
    expect(failure(answer(`{"__proto__":${JSON.stringify(SUCCESS)}}`)).code).toBe('invalid_response')
    expect(failure(answer(`{"constructor":{"access_token":"x"},"error":"constructor"}`)).error).toBe('constructor')
    expect(read({ ...SUCCESS, constructor: 1, toString: 2, hasOwnProperty: 3 }).accessToken).toBe(TOKEN)
    expect(read(`{"__proto__":{"scope":"admin","expires_in":1},"access_token":"a"}`)).toMatchObject({
      scope: undefined,
      lifetimeMs: 300_000,
    })
  })

  it('ignores what it does not know or must not use', () => {
    const extra = {
      refresh_token: 'r',
      id_token: 'i',
      ext_expires_in: 1e6,
      'not-before-policy': 0,
      refresh_expires_in: 9,
    }
    expect(read({ ...SUCCESS, ...extra })).toEqual(read(SUCCESS))
  })

  it('calls the header reader as a method, so that an answer may be an object of a class', () => {
    class Answer {
      readonly status = 200
      readonly body = 'access_token=a'
      readonly #type = 'application/x-www-form-urlencoded'
      header(name: string): string | undefined {
        return name === 'content-type' ? this.#type : undefined
      }
    }
    expect(readTokenResponse(new Answer(), CONTEXT).accessToken).toBe('a')
  })
})

describe('access_token', () => {
  it.each([
    ['with a colon', 'a:b'],
    ['with a pipe', 'Atza|abc'],
    ['with an exclamation mark', '00D!AQ'],
    ['with an inner space', 'a b'],
    ['of every printable character', String.fromCharCode(...Array.from({ length: 94 }, (_, i) => i + 33))],
    ['of 64 KB', 'x'.repeat(65_536)],
  ])('is accepted %s', (_what, accessToken) => {
    expect(read({ ...SUCCESS, access_token: accessToken }).accessToken).toBe(accessToken)
  })

  it.each([
    ['missing', undefined, 'is missing', 'Check that the configured URL is the token endpoint.'],
    ['null', null, 'is missing', 'Check that the configured URL is the token endpoint.'],
    ['empty', '', 'is empty', 'Check that the configured URL is the token endpoint.'],
    ['a number', 5, 'is not a string', 'damaged the token'],
    ['a boolean', true, 'is not a string', 'damaged the token'],
    ['an object', { value: TOKEN }, 'is not a string', 'damaged the token'],
    ['an array', [TOKEN], 'is not a string', 'damaged the token'],
    ['with CR', `${TOKEN}\r`, 'has a line break or another control character', 'damaged the token'],
    ['with LF', `${TOKEN}\n`, 'has a line break or another control character', 'damaged the token'],
    ['with CR LF inside', 'a\r\nX-Injected: 1', 'has a line break or another control character', 'damaged the token'],
    ['with NUL', 'a\0b', 'has a line break or another control character', 'damaged the token'],
    ['with a tab', 'a\tb', 'has a line break or another control character', 'damaged the token'],
    ['with DEL', 'a\u007fb', 'has a line break or another control character', 'damaged the token'],
    ['with a letter outside ASCII', 'tökén', 'has characters outside ASCII', 'damaged the token'],
    ['with a zero-width space', 'a\u200bb', 'has characters outside ASCII', 'damaged the token'],
    ['after a space', ` ${TOKEN}`, 'begins or ends with a space', 'damaged the token'],
    ['before a space', `${TOKEN} `, 'begins or ends with a space', 'damaged the token'],
    ['of a space', ' ', 'begins or ends with a space', 'damaged the token'],
  ])('is refused %s, with a hint', (_what, accessToken, fault, hint) => {
    const error = failure(answer({ ...SUCCESS, access_token: accessToken }))
    expect(error).toMatchObject({ code: 'invalid_response', status: 200, retryable: false })
    expect(error.message).toContain(`did not answer with a token: \`access_token\` ${fault}`)
    expect(error.hint).toContain(hint)
    expect(everyOutput(error)).not.toContain(TOKEN)
  })
})

describe('token_type', () => {
  it.each(['bearer', 'BEARER', 'Bearer', 'bEARER'])(
    'is Bearer in canonical spelling when the server writes %s',
    (type) => {
      expect(read({ ...SUCCESS, token_type: type })).toMatchObject({ tokenType: 'Bearer', deviations: [] })
    },
  )

  it.each([undefined, null, ''])('is taken for Bearer, as a deviation, when it is %j', (type) => {
    expect(read({ ...SUCCESS, token_type: type })).toMatchObject({
      tokenType: 'Bearer',
      deviations: ['token_type_missing'],
    })
  })

  it.each([undefined, null, ''])('is required where the client is strict: %j is refused', (type) => {
    const error = failure(answer({ ...SUCCESS, token_type: type }), { strictTokenType: true })
    expect(error.code).toBe('invalid_response')
    expect(error.message).toContain('`token_type` is missing')
    expect(error.hint).toContain('strictTokenType')
    expect(read(SUCCESS, { strictTokenType: true }).tokenType).toBe('Bearer')
  })

  it.each([undefined, null, ''])('is required of a token that is to be bound to a key: %j is refused', (type) => {
    const error = failure(answer({ ...SUCCESS, token_type: type }), { tokenType: 'DPoP' })
    expect(error).toMatchObject({
      code: 'invalid_response',
      hint: expect.stringContaining("The server has not bound the token to the client's key"),
    })
    expect(error.message).toContain('`token_type` is missing')
    expect(read({ ...SUCCESS, token_type: 'dpop' }, { tokenType: 'DPoP' }).tokenType).toBe('DPoP')
  })

  it.each([
    ['mac', '"mac"'],
    ['N_A', '"N_A"'],
    ['DPoP', '"DPoP"'],
    ['Bearer ', '"Bearer"'],
    ['bearer token', '"bearer token"'],
    [`x${SECRET}`, '"x[redacted]"'],
    [TOKEN, '"[redacted]"'],
    ['\u001b[31mmac\u202e', '"[31mmac"'],
    ['m'.repeat(100), `"${'m'.repeat(39)}…"`],
    [7, 'not a string'],
    [['Bearer'], 'not a string'],
    [{ toString: 'Bearer' }, 'not a string'],
  ])('is refused when it is %j, and named', (type, named) => {
    const error = failure(answer({ ...SUCCESS, token_type: type }))
    expect(error).toMatchObject({ code: 'invalid_response', retryable: false, hint: expect.stringContaining('Bearer') })
    expect(error.message).toContain(`\`token_type\` is ${named} (`)
    expect(everyOutput(error)).not.toContain(TOKEN)
  })
})

describe('issued_token_type', () => {
  const grant = { type: TOKEN_EXCHANGE, takesSubjectToken: true }
  const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

  it('may be missing from the answer to a token exchange, as a deviation', () => {
    expect(read(SUCCESS, { grant }).deviations).toEqual(['issued_token_type_missing'])
    expect(read({ ...SUCCESS, issued_token_type: ACCESS_TOKEN }, { grant }).deviations).toEqual([])
  })

  it('is required there where the client is strict, and nowhere else', () => {
    const error = failure(answer(SUCCESS), { grant, strictTokenType: true })
    expect(error).toMatchObject({
      code: 'invalid_response',
      message: expect.stringContaining(
        'answered with a token that must not be used: `issued_token_type` is missing (client "orders"',
      ),
      hint: 'If this server always issues access tokens, switch `strictTokenType` off.',
      retryable: false,
    })
    expect(read({ ...SUCCESS, issued_token_type: ACCESS_TOKEN }, { grant, strictTokenType: true }).deviations).toEqual(
      [],
    )
    expect(read(SUCCESS, { strictTokenType: true }).deviations).toEqual([])
  })

  it('is not asked of what the hook `parseResponse` finds', () => {
    const parseResponse = () => ({ accessToken: TOKEN, lifetimeMs: 60_000 })
    expect(read({}, { grant, strictTokenType: true, parseResponse }).deviations).toEqual([])
  })
})

describe('expires_in', () => {
  const epoch = (fromNowMs: number) => (REQUESTED_AT + fromNowMs) / 1000

  it.each<[unknown, number, ...string[]]>([
    // As numbers and as text
    [3600, 3_600_000],
    [1, 1_000],
    [1.5, 1_500],
    [3599.999, 3_599_999],
    ['3600', 3_600_000],
    ['007', 7_000],
    [31_536_000, YEAR_MS],
    // Missing
    [undefined, 300_000, 'expires_in_missing'],
    [null, 300_000, 'expires_in_missing'],
    ['', 300_000, 'expires_in_missing'],
    // Unreadable
    ['abc', 300_000, 'expires_in_unreadable'],
    ['NaN', 300_000, 'expires_in_unreadable'],
    ['Infinity', 300_000, 'expires_in_unreadable'],
    ['3600s', 300_000, 'expires_in_unreadable'],
    ['3600.5', 300_000, 'expires_in_unreadable'],
    ['1e3', 300_000, 'expires_in_unreadable'],
    ['0x10', 300_000, 'expires_in_unreadable'],
    [' 3600', 300_000, 'expires_in_unreadable'],
    ['٣٦٠٠', 300_000, 'expires_in_unreadable'],
    [true, 300_000, 'expires_in_unreadable'],
    [false, 300_000, 'expires_in_unreadable'],
    [{}, 300_000, 'expires_in_unreadable'],
    [[3600], 300_000, 'expires_in_unreadable'],
    ['9'.repeat(400), 300_000, 'expires_in_unreadable'],
    // Not positive, in whole seconds
    [0.999, 0, 'expires_in_not_positive'],
    [0.0005, 0, 'expires_in_not_positive'],
    [0, 0, 'expires_in_not_positive'],
    [-0, 0, 'expires_in_not_positive'],
    [-5, 0, 'expires_in_not_positive'],
    [-1e308, 0, 'expires_in_not_positive'],
    ['0', 0, 'expires_in_not_positive'],
    ['-5', 0, 'expires_in_not_positive'],
    // The instant of expiry
    [epoch(3_600_000), 3_600_000, 'expires_in_is_epoch'],
    [String(epoch(3_600_000)), 3_600_000, 'expires_in_is_epoch'],
    [REQUESTED_AT + 3_600_000, 3_600_000, 'expires_in_is_epoch'],
    [epoch(999), 0, 'expires_in_is_epoch', 'expires_in_not_positive'],
    [epoch(-1_000), 0, 'expires_in_is_epoch', 'expires_in_not_positive'],
    [epoch(2 * YEAR_MS), YEAR_MS, 'expires_in_is_epoch', 'expires_in_capped'],
    // Absurd
    [1e9, YEAR_MS, 'expires_in_capped'],
    [1e11, YEAR_MS, 'expires_in_is_epoch', 'expires_in_capped'],
    [1e11 + 1, 0, 'expires_in_is_epoch', 'expires_in_not_positive'],
    [31_536_001, YEAR_MS, 'expires_in_capped'],
    [2_147_483_647, YEAR_MS, 'expires_in_is_epoch', 'expires_in_capped'],
    [Number.MAX_SAFE_INTEGER, YEAR_MS, 'expires_in_is_epoch', 'expires_in_capped'],
    [1e308, YEAR_MS, 'expires_in_is_epoch', 'expires_in_capped'],
  ])('of %j is a lifetime of %d ms', (expiresIn, lifetimeMs, ...deviations) => {
    const response = read({ ...SUCCESS, expires_in: expiresIn })
    expect(response.lifetimeMs).toBe(lifetimeMs)
    expect(response.deviations).toEqual(deviations)
  })

  it('that JSON cannot hold as a number is unreadable', () => {
    expect(read('{"access_token":"a","token_type":"bearer","expires_in":1e999}')).toMatchObject({
      lifetimeMs: 300_000,
      deviations: ['expires_in_unreadable'],
    })
  })

  it('that is missing is what the client configured, and then no deviation', () => {
    const { expires_in: _, ...without } = SUCCESS
    expect(read(without, { defaultLifetimeMs: 7_000 })).toMatchObject({ lifetimeMs: 7_000, deviations: [] })
    expect(read(without, { defaultLifetimeMs: 2 * YEAR_MS }).lifetimeMs).toBe(YEAR_MS)
    expect(read(SUCCESS, { defaultLifetimeMs: 7_000 }).lifetimeMs).toBe(3_600_000)
  })

  it('that is unreadable is what the client configured, and still a deviation', () => {
    expect(read({ ...SUCCESS, expires_in: 'soon' }, { defaultLifetimeMs: 7_000 })).toMatchObject({
      lifetimeMs: 7_000,
      deviations: ['expires_in_unreadable'],
    })
  })
})

describe('refresh_in', () => {
  it.each<[unknown, number | undefined]>([
    [1800, 1_800_000],
    ['1800', 1_800_000],
    [0.5, 500],
    [0.0005, 0.5],
    [3599, 3_599_000],
    [3600, undefined],
    [7200, undefined],
    [0, undefined],
    [-1, undefined],
    ['soon', undefined],
    [null, undefined],
    [true, undefined],
    [1e308, undefined],
    [undefined, undefined],
  ])('of %j in a token of an hour is %j ms, and no deviation', (refreshIn, refreshInMs) => {
    const response = read({ ...SUCCESS, refresh_in: refreshIn })
    expect(response.refreshInMs).toBe(refreshInMs)
    expect(response.deviations).toEqual([])
  })
})

describe('scope', () => {
  it.each<[unknown, string[] | undefined]>([
    ['a', ['a']],
    ['a b', ['a', 'b']],
    ['b a', ['b', 'a']],
    [' a  b ', ['a', 'b']],
    ['a a b', ['a', 'b']],
    ['https://api.example/.default', ['https://api.example/.default']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [
      ['a b', 'c'],
      ['a', 'b', 'c'],
    ],
    ['', []],
    [[], []],
    ['a b\u001b[31m "c" d\\e ü', ['a']],
    [undefined, undefined],
    [null, undefined],
    [7, undefined],
    [{ a: 1 }, undefined],
    [['a', 7], undefined],
  ])('of %j was granted as %j', (scope, granted) => {
    expect(read({ ...SUCCESS, scope }).scope).toEqual(granted)
  })
})
