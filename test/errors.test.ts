import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { optionError, TokenError, TokenResponseError, TokenTransportError } from '../src/errors.ts'

const SECRET = 'Marker-S3cret-1'

/** Everywhere that the text of an error can come out, its cause's included. */
function everyOutput(error: Error): string {
  const cause = error.cause as Error | undefined
  return [
    inspect(error, { depth: 10, showHidden: true, getters: true }),
    JSON.stringify(error),
    String(error),
    error.stack,
    inspect(cause, { depth: 10, showHidden: true, getters: true }),
    JSON.stringify(cause),
    JSON.stringify(Object.getOwnPropertyDescriptors(cause ?? {})),
    String(cause),
    cause?.stack,
  ].join('\n')
}

const causeOf = (cause: unknown, secrets: Iterable<string> = [SECRET]): Error & { code?: unknown } =>
  new TokenError({ code: 'network', message: 'Failed.', cause, secrets }).cause as Error

describe('TokenError', () => {
  it('puts the hint after the message, and both on their own', () => {
    const error = new TokenError({ code: 'network', message: 'No answer.', hint: 'Check the URL.', client: 'orders' })
    expect(error.message).toBe('No answer. Check the URL.')
    expect(error).toMatchObject({ code: 'network', hint: 'Check the URL.', client: 'orders' })
  })

  it('has neither hint, client nor cause when there is none, and is not retryable', () => {
    const error = new TokenError({ code: 'closed', message: 'Closed.' })
    expect(error).toMatchObject({ message: 'Closed.', hint: undefined, client: undefined, retryable: false })
    expect('cause' in error).toBe(false)
  })

  it.each([
    [new TokenError({ code: 'closed', message: 'Closed.' }), 'TokenError'],
    [new TokenResponseError({ code: 'request_denied', message: 'Denied.', status: 401 }), 'TokenResponseError'],
    [new TokenTransportError({ code: 'tls', message: 'Not trusted.' }), 'TokenTransportError'],
  ])('names its class wherever it is printed: %s', (error, name) => {
    expect(error.name).toBe(name)
    expect(String(error)).toBe(`${name}: ${error.message}`)
    expect(error.stack).toMatch(new RegExp(`^${name}: ${error.message}\\n`))
    expect(inspect(error)).toMatch(new RegExp(`^${name}: ${error.message}\\n`))
    expect(inspect(error)).not.toContain('name:')
  })

  it('lets others set its name, as some loggers do', () => {
    const error = new TokenError({ code: 'closed', message: 'Closed.' })
    error.name = 'Renamed'
    expect(String(error)).toBe('Renamed: Closed.')
    expect(new TokenError({ code: 'closed', message: 'Closed.' }).name).toBe('TokenError')
  })

  it('becomes a plain object of its fields in JSON, without stack and cause', () => {
    const error = new TokenError({ code: 'network', message: 'No answer.', hint: 'Wait.', client: 'a', cause: 'x' })
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'TokenError',
      message: 'No answer. Wait.',
      code: 'network',
      client: 'a',
      retryable: false,
      hint: 'Wait.',
    })
  })
})

describe('TokenResponseError', () => {
  it('carries what the server said, in fields and in JSON', () => {
    const fields = {
      status: 429,
      error: 'slow_down',
      errorDescription: 'Slow down.',
      errorUri: 'https://as.example/slow',
      retryAfterMs: 3_000,
      correlationId: 'abc',
    }
    const error = new TokenResponseError({ code: 'request_denied', message: 'Denied.', retryable: true, ...fields })
    expect(error).toMatchObject(fields)
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      ...{ name: 'TokenResponseError', message: 'Denied.', code: 'request_denied', retryable: true },
      ...fields,
    })
  })
})

describe('TokenTransportError', () => {
  it('is retryable unless told otherwise, and says what the system said', () => {
    const error = new TokenTransportError({ code: 'network', message: 'Refused.', systemCode: 'ECONNREFUSED' })
    expect(error).toMatchObject({ retryable: true, systemCode: 'ECONNREFUSED' })
    expect(new TokenTransportError({ code: 'tls', message: 'Expired.', retryable: false }).retryable).toBe(false)
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name: 'TokenTransportError', systemCode: 'ECONNREFUSED' })
  })
})

describe('instanceof', () => {
  const token = new TokenError({ code: 'closed', message: 'x' })
  const response = new TokenResponseError({ code: 'request_denied', message: 'x', status: 400 })
  const transport = new TokenTransportError({ code: 'network', message: 'x' })

  it('tells the classes apart', () => {
    const classes = [TokenError, TokenResponseError, TokenTransportError]
    const table = [token, response, transport, new Error('x')].map((error) =>
      classes.map((type) => error instanceof type),
    )
    expect(table).toEqual([
      [true, false, false],
      [true, true, false],
      [true, false, true],
      [false, false, false],
    ])
    expect([token, response, transport].every((error) => error instanceof Error)).toBe(true)
  })

  it('recognises the errors of another copy of the package, by class', () => {
    const branded = (...names: string[]) =>
      Object.assign(
        new Error('from elsewhere'),
        Object.fromEntries(names.map((name) => [Symbol.for(`evertoken.${name}`), true])),
      )
    const foreign = branded('TokenError', 'TokenResponseError')
    expect(foreign instanceof TokenError).toBe(true)
    expect(foreign instanceof TokenResponseError).toBe(true)
    expect(foreign instanceof TokenTransportError).toBe(false)
    expect(branded('TokenError') instanceof TokenResponseError).toBe(false)
  })

  it('marks its own errors so that another copy recognises them, without showing the mark', () => {
    expect(Symbol.for('evertoken.TokenError') in response).toBe(true)
    expect(Symbol.for('evertoken.TokenResponseError') in response).toBe(true)
    expect(Symbol.for('evertoken.TokenTransportError') in response).toBe(false)
    expect(inspect(response)).not.toContain('Symbol')
  })

  it('is false for everything that is no error of ours', () => {
    for (const value of [undefined, null, 'TokenError', 1, {}, () => {}, new TypeError('x')]) {
      expect(value instanceof TokenError).toBe(false)
    }
  })

  it('keeps its usual meaning for a class that a user derives', () => {
    class QuotaError extends TokenError {}
    const quota = new QuotaError({ code: 'closed', message: 'x' })
    expect([quota instanceof QuotaError, quota instanceof TokenError, token instanceof QuotaError]).toEqual([
      true,
      true,
      false,
    ])
  })
})

describe('the cause', () => {
  function axiosLikeError(): Error {
    const error = new Error(`connect ECONNREFUSED with ${SECRET}`)
    error.name = 'AxiosError'
    error.stack = `AxiosError: connect with ${SECRET}\n    at send (/app/client.js:1:2)\n    at ${SECRET} (/app/x.js:3:4)`
    const carrier = {
      data: `client_secret=${SECRET}`,
      headers: { authorization: `Basic ${SECRET}` },
      auth: { password: SECRET },
    }
    return Object.assign(error, {
      isAxiosError: true,
      code: 'ECONNREFUSED',
      config: carrier,
      request: { _header: `Authorization: Basic ${SECRET}` },
      response: { config: carrier, data: { access_token: SECRET } },
      cause: new Error(SECRET, { cause: carrier }),
      errors: [new Error(SECRET)],
      toJSON: () => carrier,
      [Symbol(SECRET)]: SECRET,
    })
  }

  it('keeps name, message, code and the frames of the stack', () => {
    const cause = causeOf(axiosLikeError())
    expect(cause).toBeInstanceOf(Error)
    expect(cause.name).toBe('AxiosError')
    expect(cause.message).toBe('connect ECONNREFUSED with [redacted]')
    expect(cause.code).toBe('ECONNREFUSED')
    expect(cause.stack).toBe(
      'AxiosError: connect ECONNREFUSED with [redacted]\n    at send (/app/client.js:1:2)\n    at [redacted] (/app/x.js:3:4)',
    )
  })

  it("keeps a code of OpenSSL's, which has a slash", () => {
    const code = 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE'
    expect(causeOf(Object.assign(new Error('broken off'), { code })).code).toBe(code)
  })

  it('keeps nothing else: no request, no config, no further cause, nothing that axios-retry would act on', () => {
    const cause = causeOf(axiosLikeError())
    expect(Reflect.ownKeys(cause).sort()).toEqual(['code', 'message', 'name', 'stack'])
    expect(cause instanceof TokenError).toBe(false)
  })

  it('shows the secret in no output', () => {
    const init = { code: 'network', message: 'Failed.', cause: axiosLikeError(), secrets: new Set([SECRET]) } as const
    for (const error of [
      new TokenError(init),
      new TokenTransportError(init),
      new TokenResponseError({ ...init, code: 'invalid_response', status: 200 }),
    ]) {
      expect(error.cause).toBeDefined()
      expect(everyOutput(error)).not.toContain(SECRET)
    }
  })

  it('is printed with the error, but is no enumerable field of it', () => {
    const error = new TokenError({ code: 'network', message: 'Failed.', cause: new Error('socket hang up') })
    expect(inspect(error)).toContain('socket hang up')
    expect(Object.keys(error)).not.toContain('cause')
  })

  it('blanks the secret out of the name too, drops a code that is none, and blanks it out of a message of several lines', () => {
    const error = Object.assign(new Error(`one\n\tat ${SECRET}\nthree`), { code: SECRET, name: SECRET })
    const cause = causeOf(error)
    expect([cause.name, cause.code, cause.message]).toEqual(['[redacted]', undefined, 'one at [redacted] three'])
    expect(cause.stack).not.toContain(SECRET)
  })

  it('does not let a message or a stack grow without bound', () => {
    const error = new Error('x'.repeat(1_000_000))
    error.stack = `Error\n${'    at somewhere (/app/x.js:1:1)\n'.repeat(10_000)}`
    const cause = causeOf(error)
    expect(cause.message).toHaveLength(1_000)
    expect(cause.stack?.split('\n')).toHaveLength(51)
  })

  it.each([
    ['a string', `secret ${SECRET}`, 'secret [redacted]'],
    ['a number', 42, '42'],
    ['null', null, ''],
    ['a symbol', Symbol('why'), 'Symbol(why)'],
    ['an object without a prototype', Object.create(null), ''],
    ['an object that cannot be made a string', { toString: () => expect.fail('was called') }, ''],
    ['an object with a message', { message: `no ${SECRET}`, config: SECRET }, 'no [redacted]'],
    ['an error whose message is no string', Object.assign(new Error('x'), { message: { SECRET } }), ''],
    ['an error whose name is no string', Object.assign(new Error('x'), { name: undefined }), 'x'],
    ['an error whose stack is no string', Object.assign(new Error('x'), { stack: [SECRET] }), 'x'],
    ['an error without a stack', Object.assign(new Error('x'), { stack: undefined }), 'x'],
    ['an error of another realm', runInNewContext('new RangeError("from afar")'), 'from afar'],
    ['an error of ours', new TokenError({ code: 'tls', message: 'Not trusted.' }), 'Not trusted.'],
  ])('may be anything: %s', (_name, thrown, message) => {
    const cause = causeOf(thrown)
    expect(cause).toBeInstanceOf(Error)
    expect(cause.message).toBe(message)
    expect(
      everyOutput(new TokenError({ code: 'network', message: 'Failed.', cause: thrown, secrets: [SECRET] })),
    ).not.toContain(SECRET)
  })

  it('survives getters that throw', () => {
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error(SECRET)
      },
    })
    expect(causeOf(hostile).message).toBe('')
  })

  it('keeps no number as code, because only the words of the system are stable', () => {
    expect(causeOf(Object.assign(new Error('x'), { code: 20 }))).not.toHaveProperty('code')
  })

  it('reads secrets that can be iterated only once', () => {
    const once = (function* () {
      yield SECRET
    })()
    const error = Object.assign(new Error(SECRET), { stack: `Error\n    at ${SECRET}` })
    expect(causeOf(error, once).stack).toBe('Error: [redacted]\n    at [redacted]')
  })
})

describe('optionError', () => {
  it('is a TypeError that names the option, the problem and what to do', () => {
    const error = optionError('clients.orders.clientSecret', 'is empty', 'Is the environment variable set?')
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe(
      'evertoken: option `clients.orders.clientSecret` is empty. Is the environment variable set?',
    )
    expect(optionError('scope', 'is empty').message).toBe('evertoken: option `scope` is empty')
  })
})
