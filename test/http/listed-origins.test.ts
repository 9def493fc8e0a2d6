import type { AxiosInstance } from 'axios'
import { describe, expect, it, vi } from 'vitest'
import { AxiosOrigins } from '../../src/http/axios-origins.ts'
import type { PassageConfig } from '../../src/http/axios-passage.ts'
import { FetchOrigins } from '../../src/http/fetch-origins.ts'
import { ListedOrigins } from '../../src/http/listed-origins.ts'
import { UndiciOrigins } from '../../src/http/undici-origins.ts'
import type { TokenSource } from '../../src/token-source.ts'

const API = 'https://api.example.com'
const LOCAL = 'http://localhost:8080'

/** A source of tokens as far as origins look at it. */
function source(allowInsecureLoopback = false): TokenSource {
  return { settings: () => ({ allowInsecureLoopback }) } as unknown as TokenSource
}

type Ask = (url: string, from?: TokenSource) => string | undefined

/** The ways of those HTTP clients that have no base URL: all decide alike. */
const clients: readonly [string, (onOtherOrigin: 'refuse' | 'omit') => Ask][] = [
  [
    'fetch',
    (onOtherOrigin) => {
      const origins = new FetchOrigins([API, LOCAL], onOtherOrigin)
      return (url, from = source()) => origins.receiver(url, from)
    },
  ],
  [
    'undici',
    (onOtherOrigin) => {
      const origins = new UndiciOrigins([API, LOCAL], onOtherOrigin)
      return (url, from = source()) => origins.receiver({ origin: url, path: '/', method: 'GET' }, undefined, from)
    },
  ],
]

function errorOf(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('a list of origins', () => {
  it.each([[undefined], [[]]])('has to be given, since there is no base URL: %j', (origins) => {
    for (const Origins of [ListedOrigins, FetchOrigins, UndiciOrigins]) {
      const error = errorOf(() => new Origins(origins, 'refuse'))
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toMatch(/origins.*must be given.*https:\/\/api\.example\.com/s)
    }
  })

  it('is named when it is wrong', () => {
    const wrong = 'https://api.example.com' as unknown as string[]
    for (const Origins of [ListedOrigins, FetchOrigins, UndiciOrigins]) {
      expect(() => new Origins(wrong, 'refuse')).toThrow(/option `origins`/)
    }
    expect(() => new AxiosOrigins({ defaults: {} } as AxiosInstance, wrong, 'refuse')).toThrow(/option `origins`/)
  })
})

describe.each(clients)('an origin that %s sends to', (client, decide) => {
  it('is not looked at again while it stays the same', () => {
    const ask = decide('refuse')
    const looks = vi.spyOn(URL, 'canParse')
    try {
      const local = source(true)
      for (const [url, from] of [[`${API}/`], [`${LOCAL}/`, local]] as const) {
        expect(ask(url, from)).toBe(new URL(url).origin)
        looks.mockClear()
        for (let turn = 0; turn < 3; turn += 1) expect(ask(url, from)).toBe(new URL(url).origin)
        expect(looks).not.toHaveBeenCalledWith(url)
      }
    } finally {
      looks.mockRestore()
    }
  })

  it('is looked at again for a client that does not allow http on this machine', () => {
    const ask = decide('refuse')
    const url = `${LOCAL}/?https:`
    expect(ask(url, source(true))).toBe(LOCAL)
    expect(errorOf(() => ask(url, source(false)))).toMatchObject({ code: 'insecure_url' })
    expect(ask(url, source(true))).toBe(LOCAL)
  })

  it.each(['https://other.example', `https://other.example/?at=${API}/`, `${API}.other.example/`])(
    'is not taken for the one before: %s',
    (other) => {
      const refuse = decide('refuse')
      const omit = decide('omit')
      for (const ask of [refuse, omit]) expect(ask(`${API}/`)).toBe(API)
      expect(errorOf(() => refuse(other))).toMatchObject({ code: 'origin_refused' })
      expect(omit(other)).toBeUndefined()
      for (const ask of [refuse, omit]) expect(ask(`${API}/`)).toBe(API)
    },
  )

  it('has to be said, also after one that gets no token', () => {
    const ask = decide('omit')
    const hint = expect.stringContaining('https://api.example.com')
    const message = expect.stringContaining('it is unknown where the token would')
    for (const from of [source(), source(true)]) {
      for (const url of ['', 'undefined/x', 'orders', `${API.slice(6)}/x`]) {
        expect(
          errorOf(() => ask(url, from)),
          client,
        ).toMatchObject({ code: 'origin_refused', message, hint })
        expect(ask('https://other.example/', from)).toBeUndefined()
        expect(
          errorOf(() => ask(url, from)),
          client,
        ).toMatchObject({ code: 'origin_refused', message, hint })
      }
    }
  })
})

describe('a request by undici', () => {
  const ask = (options: object, only?: string) =>
    new UndiciOrigins([API], 'refuse').receiver({ method: 'GET', ...options } as never, only, source())

  it.each([[undefined], [''], ['orders'], ['https://other.example/x'], [7], [['/orders']]])(
    'is refused with a path that does not start with a slash: %j',
    (path) => {
      const hint = expect.stringContaining('/orders')
      const message = expect.stringContaining('does not start with a slash')
      const error = errorOf(() => ask({ origin: API, path }))
      expect(error).toMatchObject({ name: 'TokenError', code: 'origin_refused', message, hint })
    },
  )

  it('goes where its dispatcher connects to, if it does not say', () => {
    expect(ask({ path: '/orders' }, API)).toBe(API)
    expect(ask({ path: '/orders', origin: new URL(API) }, API)).toBe(API)
    const nowhere = () =>
      new UndiciOrigins([API], 'refuse').receiver({ path: '/', method: 'GET' }, undefined, source(true))
    expect(errorOf(nowhere)).toMatchObject({ code: 'origin_refused' })
  })

  it('is refused if its dispatcher connects to another origin', () => {
    const only = 'https://other.example'
    const error = errorOf(() => ask({ path: '/orders', origin: API }, only))
    const message = `The request to ${API} was not sent: the dispatcher that it was given to connects to ${only} only.`
    expect(error).toMatchObject({
      code: 'origin_refused',
      message: expect.stringContaining(message),
      hint: expect.stringContaining('Agent'),
    })
  })

  it('goes out without the token to an origin that gets none, by whichever dispatcher', () => {
    const origins = new UndiciOrigins([API], 'omit')
    const request = { path: '/', method: 'GET', origin: 'https://other.example' }
    for (const only of [undefined, request.origin, API])
      expect(origins.receiver(request, only, source())).toBeUndefined()
  })
})

describe('a request by axios', () => {
  /** An axios instance with a base URL, and what is decided of its requests. */
  function instance(baseURL: string | undefined, origins?: readonly string[], onOther: 'refuse' | 'omit' = 'refuse') {
    const defaults: { baseURL?: string | undefined } = { baseURL }
    const decide = new AxiosOrigins({ defaults } as AxiosInstance, origins, onOther)
    const config = (url: string | undefined, base = defaults.baseURL) => ({ url, baseURL: base }) as PassageConfig
    return {
      defaults,
      known: (url?: string, base?: string, from = source()) => decide.knownReceiver(config(url, base), from),
      receiver: (url?: string, base?: string, from = source()) => decide.receiver(config(url, base), from),
    }
  }

  it('is known to go to the base URL once that was found to be allowed, and not before', () => {
    const { known, receiver } = instance(`${API}/v2`)
    expect(known('/orders')).toBeUndefined()
    expect(receiver('/orders')).toBe(API)
    for (const url of ['/orders', 'orders', undefined]) expect(known(url)).toBe(API)
  })

  it.each([
    ['another base URL of its own', '/orders', 'https://other.example'],
    ['a URL that leaves the base', 'https://other.example/x', undefined],
    ['a URL without scheme', '//other.example/x', undefined],
  ])('is not known to go there with %s', (_, url, base) => {
    const { known, receiver } = instance(API)
    receiver('/orders')
    expect(known(url, base)).toBeUndefined()
    expect(errorOf(() => receiver(url, base))).toMatchObject({ code: 'origin_refused' })
    expect(known('/orders')).toBe(API)
  })

  it('is looked at anew when the instance has got another base URL', () => {
    const { defaults, known, receiver } = instance(API)
    receiver('/orders')
    defaults.baseURL = 'https://other.example'
    expect(known('/orders', API)).toBeUndefined()
    expect(known('/orders')).toBeUndefined()
    expect(receiver('/orders')).toBe('https://other.example')
  })

  it('is not known to go anywhere without any base URL', () => {
    const { known, receiver } = instance(undefined, [API])
    const from = source(true)
    expect(known('/orders', undefined, from)).toBeUndefined()
    expect(receiver(`${API}/orders`, undefined, from)).toBe(API)
    for (const url of ['/orders', `${API}/orders`, undefined]) expect(known(url, undefined, from)).toBeUndefined()
  })

  it('is not known to go to an origin whose URL was absolute', () => {
    const { known, receiver } = instance('https://other.example', [API])
    expect(receiver(`${API}/orders`)).toBe(API)
    expect(known('/orders')).toBeUndefined()
  })

  it('goes to this machine with http only for a client that allows it, also where that is known', () => {
    const { known, receiver } = instance(`${LOCAL}/https:`)
    expect(receiver('/orders', undefined, source(true))).toBe(LOCAL)
    expect(known('/orders', undefined, source(true))).toBe(LOCAL)
    expect(known('/orders', undefined, source(false))).toBeUndefined()
    expect(errorOf(() => receiver('/orders', undefined, source(false)))).toMatchObject({ code: 'insecure_url' })
  })

  it('goes to this machine with http if that is listed and the client allows it', () => {
    const { receiver } = instance(undefined, [LOCAL])
    expect(receiver(`${LOCAL}/orders`, undefined, source(true))).toBe(LOCAL)
    expect(errorOf(() => receiver(`${LOCAL}/orders`))).toMatchObject({ code: 'insecure_url' })
  })

  it('to another origin is refused, or goes out without the token and makes nothing known', () => {
    const refuse = instance(undefined, [API])
    expect(errorOf(() => refuse.receiver('/x', 'https://other.example'))).toMatchObject({ code: 'origin_refused' })
    const omit = instance(undefined, [API], 'omit')
    expect(omit.receiver('/x', 'https://other.example')).toBeUndefined()
    expect(omit.known('/x', 'https://other.example')).toBeUndefined()
  })

  it('has to go to a base URL or to a list of origins', () => {
    const message = expect.stringContaining('it is not known which origins may receive the token')
    const hint = expect.stringContaining("`origins: ['https://api.example.com']`")
    for (const base of [undefined, '']) {
      const { receiver } = instance(base)
      expect(errorOf(() => receiver(`${API}/orders`))).toMatchObject({ code: 'origin_refused', message, hint })
    }
  })
})
