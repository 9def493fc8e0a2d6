import { describe, expect, it } from 'vitest'
import type { TokenResponseContext } from '../src/token-response.ts'
import { answer, everyOutput, failure, read, SECRET, SUCCESS, TOKEN } from './support/token-endpoint-answer.ts'

describe('an OAuth error', () => {
  it.each([200, 400, 401, 403, 404, 500, 503])('outranks status %i', (status) => {
    const error = failure(answer({ error: 'invalid_client', error_description: 'Unknown client.' }, status))
    expect(error).toMatchObject({
      code: 'request_denied',
      client: 'orders',
      status,
      error: 'invalid_client',
      errorDescription: 'Unknown client.',
      errorUri: undefined,
      retryable: false,
    })
  })

  it.each(['temporarily_unavailable', 'server_error', 'slow_down'])('of %s may pass, under any status', (word) => {
    for (const status of [200, 400, 401, 500, 503]) {
      expect(failure(answer({ error: word }, status))).toMatchObject({
        code: 'request_denied',
        error: word,
        retryable: true,
      })
    }
  })

  it.each(['invalid_request', 'invalid_scope', 'access_denied', 'unknown_word', 'Some words!'])(
    'of %s does not pass',
    (word) => {
      expect(failure(answer({ error: word }, 400))).toMatchObject({
        code: 'request_denied',
        error: word,
        retryable: false,
      })
    },
  )

  it('is not what a web framework writes there about a status that may pass', () => {
    const body = { timestamp: 1, status: 503, error: 'Service Unavailable', path: '/oauth2/token' }
    expect(failure(answer(body, 503))).toMatchObject({
      code: 'server_unavailable',
      error: 'Service Unavailable',
      message: expect.stringContaining('is unavailable: Service Unavailable (client'),
      retryable: true,
    })
    expect(failure(answer({ error: 'Not Found' }, 404))).toMatchObject({
      code: 'request_denied',
      hint: expect.stringContaining('check its path, tenant or realm'),
    })
  })

  it('is recognised even if a secret is part of its name', () => {
    const error = failure(answer({ error: 'invalid_client' }, 401), { secrets: ['client', 'invalid_client'] })
    expect(error).toMatchObject({ code: 'request_denied', error: 'invalid_client' })
    expect(failure(answer({ error: 'bad_client' }, 401), { secrets: ['client'] }).error).toBeUndefined()
  })

  it('is overruled by a usable token in a successful answer', () => {
    expect(read({ ...SUCCESS, error: '' }).accessToken).toBe(TOKEN)
    expect(read({ ...SUCCESS, error: 'server_error' }).accessToken).toBe(TOKEN)
    expect(failure(answer({ ...SUCCESS, access_token: '', error: 'invalid_scope' })).error).toBe('invalid_scope')
  })

  it('is told in the message, and its known descriptions lead to their own hints', () => {
    const wrong = { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret provided.' }
    const error = failure(answer(wrong, 401))
    expect(error.message).toContain(' denied a token: invalid_client (client "orders"')
    expect(error.hint).toContain('Microsoft Entra')
    expect(failure(answer({ error: 'invalid_client' }, 401)).hint).not.toContain('Microsoft Entra')
  })

  it.each(['access_token', 'refresh_token', 'id_token'])('shows nothing of a %s that came with it', (name) => {
    const body = { error: 'invalid_request', error_description: `not ${TOKEN} again`, [name]: TOKEN }
    expect(failure(answer(body, 400)).errorDescription).toBe('not [redacted] again')
  })

  it('may come in a form', () => {
    const given = answer('error=invalid_scope&error_description=No+such', 400, {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(failure(given)).toMatchObject({ error: 'invalid_scope', errorDescription: 'No such' })
  })

  it.each([
    ['of every kind of legal character', 'a !#[]^~z09', true],
    ['within spaces', ' invalid_client ', true],
    ['of spaces', '  ', false],
    ['of one character', 'e', true],
    ['of 64 characters', 'e'.repeat(64), true],
    ['of 65 characters', 'e'.repeat(65), false],
    ['empty', '', false],
    ['with a quote', 'a"b', false],
    ['with a backslash', 'a\\b', false],
    ['with a line break', 'invalid_client\n', false],
    ['outside ASCII', 'ungültig', false],
    ['a number', 401, false],
    ['an object', { code: 'invalid_client' }, false],
    ['a secret', SECRET, false],
  ])('%s is readable or not, by the grammar of RFC 6749', (_what, word, readable) => {
    const error = failure(answer({ error: word }, 400))
    expect(error.code).toBe(readable ? 'request_denied' : 'invalid_response')
    expect(error.error).toBe(readable ? String(word).trim() : undefined)
    expect(everyOutput(error)).not.toContain(SECRET)
  })

  it('shows description and page cut and cleaned of secrets, tokens and control characters', () => {
    const error = failure(
      answer(
        {
          error: 'invalid_request',
          error_description: `\u001b[2J${SECRET} or ${TOKEN}\r\nnew line ${'x'.repeat(1_000_000)}`,
          error_uri: `https://as.example/help?s=${SECRET}\u202e`,
          access_token: `${TOKEN}`,
        },
        400,
      ),
    )
    expect(error.errorDescription).toMatch(/^\[2J\[redacted\] or \[redacted\] new line x+…$/)
    expect(error.errorDescription).toHaveLength(300)
    expect(error.errorUri).toBe('https://as.example/help?s=[redacted]')
    expect(error.message).not.toContain('new line')
  })

  it.each([[undefined], [''], [7], [{ text: 'x' }], ['\u0000']])(
    'has no description when that is %j',
    (description) => {
      expect(
        failure(answer({ error: 'invalid_request', error_description: description }, 400)).errorDescription,
      ).toBeUndefined()
    },
  )
})

describe('the hint for', () => {
  const hintFor = (error: string, context: Partial<TokenResponseContext> = {}) =>
    failure(answer({ error }, 400), context).hint ?? ''

  it.each([
    ['client_secret_basic', ["'client_secret_post'", "basicEncoding: 'raw'", 'rotated']],
    ['client_secret_post', ["'client_secret_basic'", 'rotated']],
    ['private_key_jwt', ['key', 'platform', 'audience', 'clock', "type: 'JWT'"]],
    ['client_secret_jwt', ['secret', 'audience', 'clock', "type: 'JWT'"]],
    ['tls_client_auth', ['registered']],
  ])('invalid_client after %s says what to try', (authenticationMethod, words) => {
    for (const word of words) expect(hintFor('invalid_client', { authenticationMethod })).toContain(word)
  })

  it('invalid_client does not suggest the method that was used', () => {
    expect(hintFor('invalid_client')).not.toContain("'client_secret_basic'")
    expect(hintFor('invalid_client', { authenticationMethod: 'client_secret_post' })).not.toContain(
      "'client_secret_post'",
    )
  })

  it.each([
    [['private_key_jwt', 'tls_client_auth'], 'lists private_key_jwt, tls_client_auth, and not client_secret_basic'],
    [[], 'lists no method, and not client_secret_basic'],
    [[`a${SECRET}\u001b[2J`], 'lists a[redacted][2J, and not'],
  ])(
    'invalid_client names the methods that the metadata lists when the one that was used is not among them: %j',
    (supportedMethods, words) => {
      const hint = hintFor('invalid_client', { supportedMethods })
      expect(hint).toContain(words)
      expect(hint).toContain('`clientAuthentication`')
    },
  )

  it('invalid_client says nothing of the metadata when it lists the method that was used', () => {
    const supportedMethods = ['client_secret_post', 'client_secret_basic']
    expect(hintFor('invalid_client', { supportedMethods })).toBe(hintFor('invalid_client'))
  })

  it('invalid_scope names the scopes that were requested', () => {
    expect(hintFor('invalid_scope')).toContain('orders.read orders.write')
    expect(hintFor('invalid_scope', { scopeRequested: [`a${SECRET}`] })).toContain('a[redacted]')
    for (const scopeRequested of [undefined, []])
      expect(hintFor('invalid_scope', { scopeRequested })).toContain('set `scope`')
  })

  it.each([
    ['unauthorized_client', 'client credentials grant'],
    ['invalid_target', '`resource` and `audience`'],
    ['invalid_grant', 'expired'],
    ['unsupported_grant_type', 'grant'],
    ['invalid_request', 'parameter'],
    ['access_denied', 'policy'],
    ['temporarily_unavailable', 'try again later'],
    ['server_error', 'try again later'],
    ['slow_down', 'fewer token requests'],
    ['never_heard_of', '`errorDescription`'],
    ['toString', '`errorDescription`'],
  ])('%s speaks of %s', (word, about) => {
    expect(hintFor(word)).toContain(about)
  })
})

describe('a redirect', () => {
  const redirect = (location?: string, status = 302) =>
    failure(answer('<a href="…">Found</a>', status, location === undefined ? {} : { location }))

  it.each([300, 301, 302, 303, 304, 307, 308])('is refused under status %i', (status) => {
    expect(redirect('https://login.example/', status)).toMatchObject({
      code: 'redirect_refused',
      message: expect.stringContaining('/oauth2/token answered with a redirect (client "orders"'),
      status,
      retryable: false,
    })
  })

  it.each([
    ['https://login.example:8443/a?ticket=1#x', 'https://login.example:8443'],
    ['//login.example/a', 'https://login.example'],
    ['/login?next=1', 'https://as.example'],
    ['http://as.example/oauth2/token', 'http://as.example'],
    ['https://user:password@login.example/', 'https://login.example'],
    ['https://löwe.example/', 'https://xn--lwe-sna.example'],
    [`https://${SECRET}.example/`, 'https://[redacted].example'],
  ])('to %s is said to point to %s', (location, origin) => {
    const { hint = '' } = redirect(location)
    expect(hint).toBe(`It points to ${origin}. Credentials are never sent along a redirect: configure the final URL.`)
    expect(hint.toLowerCase()).not.toContain(SECRET.toLowerCase())
  })

  it.each([undefined, '', 'https://', 'javascript:alert(1)', 'data:text/html,x', 'mailto:a@b.example'])(
    'to %j is said to point nowhere',
    (location) => {
      expect(redirect(location).hint).toBe('Credentials are never sent along a redirect: configure the final URL.')
    },
  )

  it('is what it is even if its body holds a token or a word of a web framework', () => {
    expect(failure(answer(SUCCESS, 307)).code).toBe('redirect_refused')
    expect(failure(answer({ error: 'Found' }, 302)).code).toBe('redirect_refused')
    expect(failure(answer({ error: 'invalid_client' }, 302)).code).toBe('request_denied')
  })
})

describe('an answer that is no token response', () => {
  const HTML = '<!doctype html><title>Sign in to Private Portal</title>'

  it.each([408, 425, 429, 500, 501, 502, 503, 504, 599])('with status %i may pass', (status) => {
    for (const body of ['', HTML, 'upstream error', '{"message":"x"}', JSON.stringify(SUCCESS)]) {
      expect(failure(answer(body, status))).toMatchObject({
        code: 'server_unavailable',
        message: expect.stringContaining('/oauth2/token is unavailable (client "orders"'),
        status,
        retryable: true,
        error: undefined,
      })
    }
  })

  it.each([200, 204, 400, 401, 403, 404, 405, 406, 409, 415, 418, 422])('with status %i does not pass', (status) => {
    for (const body of ['', HTML, 'no', '{"message":"x"}']) {
      expect(failure(answer(body, status))).toMatchObject({ code: 'invalid_response', status, retryable: false })
    }
  })

  it('is described by status, type and length, for the client and the endpoint, without its query', () => {
    const error = failure(answer(`${HTML}é`, 200, { 'content-type': 'Text/HTML; charset=utf-8' }))
    expect(error.message).toBe(
      'The token endpoint https://as.example/oauth2/token did not answer with a token: the body is a web page or XML ' +
        '(client "orders", HTTP 200, text/html, 57 bytes). ' +
        'That is a login page, a proxy or a gateway. Check that the configured URL is the token endpoint.',
    )
    expect(failure(answer('x', 200, {})).message).toContain('(client "orders", HTTP 200, no content type, 1 bytes)')
  })

  it('shows of its content type only what is safe to show', () => {
    const type = `${SECRET}\u001b/${'x'.repeat(200)}`
    const { message } = failure(answer('x', 200, { 'content-type': type }))
    expect(message).toContain('HTTP 200, [redacted]/xxx')
    expect(message.toLowerCase()).not.toContain(SECRET.toLowerCase())
    expect(message.length).toBeLessThan(400)
  })

  it.each([
    ['an empty body', '', 'the body is empty'],
    ['white space', ' \n', 'the body is empty'],
    ['HTML', HTML, 'the body is a web page or XML'],
    ['HTML after white space', `\ufeff\n ${HTML}`, 'the body is a web page or XML'],
    ['XML', '<?xml version="1.0"?><error/>', 'the body is a web page or XML'],
    ['JSON cut short', '{"access_token":"Marker-T0', 'the body is JSON that is malformed or cut short'],
    ['two objects', '{}{}', 'the body is JSON that is malformed or cut short'],
    ['an array', `[${JSON.stringify(SUCCESS)}]`, 'the body is not a JSON object'],
    ['a string', `"${TOKEN}"`, 'the body is not a JSON object'],
    ['a number', '42', 'the body is not a JSON object'],
    ['null', 'null', 'the body is not a JSON object'],
    ['text', 'invalid client', 'the body is not a JSON object'],
    ['deep nesting', '['.repeat(200_000), 'the body is not a JSON object'],
    [
      'deep nesting in a member',
      `{"access_token":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      '`access_token` is not a string',
    ],
    ['an empty object', '{}', '`access_token` is missing'],
  ])('says what is wrong with %s, and quotes nothing', (_what, body, problem) => {
    const error = failure(answer(body))
    expect(error.code).toBe('invalid_response')
    expect(error.message).toContain(problem)
    expect(everyOutput(error)).not.toMatch(/Marker-T0|Private Portal|invalid client/)
  })

  it('calls a body with an HTML label a web page only if it is not JSON', () => {
    const html = { 'content-type': 'text/html' }
    expect(failure(answer('Sign in', 200, html)).message).toContain('the body is a web page')
    expect(failure(answer('{}', 200, html)).message).toContain('`access_token` is missing')
  })

  it('suspects a proxy behind JSON that is cut short, and the URL behind everything else', () => {
    expect(failure(answer('{"access_token":')).hint).toContain('proxy')
    expect(failure(answer('access denied')).hint).toBe('Check that the configured URL is the token endpoint.')
  })

  it('says of a refusal in JSON that it has no readable error', () => {
    expect(failure(answer({ message: 'x' }, 400)).message).toContain('it gives no readable `error`')
  })

  it.each([
    [401, 'Check the client id and secret'],
    [403, 'firewall'],
    [404, 'check its path, tenant or realm'],
    [405, 'takes no POST'],
    [406, 'does not give JSON'],
    [407, 'check the proxy settings'],
    [415, 'no form-encoded requests'],
    [429, 'Too many token requests'],
    [502, 'try again later'],
  ])('hints, with status %i, at the likely cause', (status, words) => {
    expect(failure(answer(HTML, status)).hint).toContain(words)
  })
})

describe('a failure', () => {
  it.each([200, 400, 429, 503])('with status %i says how long the server asks to wait', (status) => {
    const given = (headers: Record<string, string>) =>
      failure(answer({ error: 'slow_down' }, status, headers)).retryAfterMs
    expect(given({ 'retry-after': '120' })).toBe(120_000)
    expect(given({ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' })).toBe(59_500)
    expect(given({ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT', date: 'Thu, 01 Jan 2026 00:00:50 GMT' })).toBe(
      10_000,
    )
    expect(given({ 'retry-after': 'soon' })).toBeUndefined()
    expect(given({})).toBeUndefined()
  })

  it.each<[Record<string, string>, Record<string, unknown>, string | undefined]>([
    [{ 'x-correlation-id': 'a', 'x-request-id': 'b' }, {}, 'a'],
    [{ 'x-request-id': 'b', 'request-id': 'c' }, {}, 'b'],
    [{ 'request-id': 'c', 'x-ms-request-id': 'd' }, {}, 'c'],
    [{ 'x-ms-request-id': 'd' }, { correlation_id: 'e' }, 'd'],
    [{ 'x-correlation-id': ' ' }, { correlation_id: 'e', trace_id: 'f' }, 'e'],
    [{}, { correlation_id: 7, trace_id: 'f' }, 'f'],
    [{ 'x-request-id': `id-${SECRET}` }, {}, 'id-[redacted]'],
    [{}, { trace_id: '\u001b[1mx' }, '[1mx'],
    [{ 'x-request-id': 'i'.repeat(200) }, {}, `${'i'.repeat(127)}…`],
    [{}, {}, undefined],
  ])('names the exchange as the server does: %j, %j', (headers, members, correlationId) => {
    expect(failure(answer({ error: 'invalid_client', ...members }, 400, headers)).correlationId).toBe(correlationId)
    if (Object.keys(members).length > 0) return
    expect(failure(answer('', 503, headers)).correlationId).toBe(correlationId)
  })

  it('has no cause: the parser of JSON would quote the body there', () => {
    expect(failure(answer(`{"access_token":"${TOKEN}`)).cause).toBeUndefined()
  })
})
