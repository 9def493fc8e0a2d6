import type { InternalAxiosRequestConfig } from 'axios'
import { describe, expect, it } from 'vitest'
import { guardRedirects } from '../../src/http/redirect-guard.ts'

const ORIGIN = 'https://api.example.com'
const SUBDOMAIN = 'https://v2.api.example.com'
const NAMES = ['authorization']

/** A config guarded for this origin, with this `beforeRedirect` of the caller's. */
function guarded(origin: string, beforeRedirect?: InternalAxiosRequestConfig['beforeRedirect']) {
  const config = { ...(beforeRedirect && { beforeRedirect }) } as InternalAxiosRequestConfig
  guardRedirects(config, origin, NAMES)
  return config
}

/** The headers that are left when this config is redirected to `href`. */
function headersAfter(
  { beforeRedirect }: InternalAxiosRequestConfig,
  href: unknown,
  headers: object = { Authorization: 'x' },
) {
  const options = { href, headers: { ...headers } }
  beforeRedirect?.(options, { headers: {}, statusCode: 302 } as never, { url: ORIGIN } as never)
  return options.headers
}

describe('guardRedirects', () => {
  it.each(['https://api.example.com/', 'https://API.example.com/x?y', 'https://api.example.com:443/'])(
    'keeps the header on the way to the same origin: %s',
    (href) => {
      expect(headersAfter(guarded(ORIGIN), href)).toEqual({ Authorization: 'x' })
    },
  )

  it.each([
    [['authorization'], undefined, undefined],
    [['authorization'], { redirect: 'follow' }, { redirect: 'follow' }],
    [['x-api-token'], undefined, { redirect: 'manual' }],
    [
      ['authorization', 'x-tenant'],
      { redirect: 'follow', cache: 'no-store' },
      { redirect: 'manual', cache: 'no-store' },
    ],
    [['x-api-token'], { redirect: 'error' }, { redirect: 'error' }],
  ])('lets the fetch adapter follow only what it takes off itself: %j, %j', (names, given, expected) => {
    const config = { fetchOptions: given } as InternalAxiosRequestConfig
    for (const _ of ['once', 'again']) guardRedirects(config, ORIGIN, names)
    expect(config.fetchOptions).toEqual(expected)
  })

  it.each([
    'https://other.example/',
    'https://v2.api.example.com/',
    'https://example.com/',
    'https://api.example.com:8443/',
    'http://api.example.com/',
    'https://api.example.com./',
    'https://api.example.com@other.example/',
    'ftp://api.example.com/',
    '',
    '/relative',
    undefined,
    { toString: () => 'https://api.example.com/' },
  ])('takes it off on the way anywhere else: %s', (href) => {
    expect(headersAfter(guarded(ORIGIN), href)).toEqual({})
  })

  it('takes off every spelling, and nothing else', () => {
    const headers = {
      Authorization: 'a',
      authorization: 'b',
      AUTHORIZATION: 'c',
      'Proxy-Authorization': 'd',
      Accept: 'e',
    }
    expect(headersAfter(guarded(ORIGIN), SUBDOMAIN, headers)).toEqual({ 'Proxy-Authorization': 'd', Accept: 'e' })
  })

  it('bears a redirect without headers', () => {
    const { beforeRedirect } = guarded(ORIGIN)
    expect(() => beforeRedirect?.({ href: SUBDOMAIN }, {} as never, {} as never)).not.toThrow()
  })

  it('runs the caller’s function after it, once, with all that axios tells', () => {
    const told: unknown[] = []
    const config = guarded(ORIGIN, (...details) => told.push(structuredClone(details)))
    headersAfter(config, SUBDOMAIN)
    expect(told).toEqual([[{ href: SUBDOMAIN, headers: {} }, { headers: {}, statusCode: 302 }, { url: ORIGIN }]])
  })

  it('guards a config that comes back for its new origin, and runs the caller’s function still once', () => {
    let calls = 0
    for (const callers of [undefined, () => calls++]) {
      const config = guarded(ORIGIN, callers)
      guardRedirects(config, SUBDOMAIN, NAMES)
      expect(headersAfter(config, ORIGIN)).toEqual({})
      expect(headersAfter(config, SUBDOMAIN)).toEqual({ Authorization: 'x' })
    }
    expect(calls).toBe(2)
  })

  it('takes off every header by which a token is carried, and nothing else', () => {
    const config = {} as InternalAxiosRequestConfig
    guardRedirects(config, ORIGIN, ['x-auth-token', 'x-api-key'])
    const headers = { 'X-Auth-Token': 'x', 'x-api-key': 'y', Authorization: 'the caller’s', accept: 'z' }
    config.beforeRedirect?.({ href: SUBDOMAIN, headers }, { headers: {}, statusCode: 302 } as never, {} as never)
    expect(headers).toEqual({ Authorization: 'the caller’s', accept: 'z' })
  })

  it('is one function for all requests to an origin', () => {
    expect(guarded(ORIGIN).beforeRedirect).toBe(guarded(ORIGIN).beforeRedirect)
  })
})
