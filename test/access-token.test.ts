import { format, inspect } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { AccessToken, type AccessTokenInit } from '../src/access-token.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECRET = 'Marker-T0ken-eyJhbGciOi.J9'
const WALL = Date.UTC(2026, 0, 1)

const INIT: AccessTokenInit = {
  value: SECRET,
  tokenType: 'Bearer',
  scope: ['read', 'write'],
  lifetimeMs: 3_600_000,
  requestedAt: { wall: WALL, monotonic: 1000 },
  dueAfterMs: 2_400_000,
  expiredAfterMs: 3_590_000,
}

const make = (init: Partial<AccessTokenInit> = {}) => new AccessToken({ ...INIT, ...init })

describe('AccessToken', () => {
  it('tells what is known about the token', () => {
    const token = make()
    expect(token.tokenType).toBe('Bearer')
    expect(token.scope).toEqual(['read', 'write'])
    expect(token.lifetimeMs).toBe(3_600_000)
    expect(token.expiresAt).toBe(WALL + 3_600_000)
  })

  it('reveals the token when it is asked to', () => {
    expect(make().reveal()).toBe(SECRET)
  })

  it('gives the header to those who know how to ask', () => {
    expect(AccessToken.authorizationOf(make())).toBe(`Bearer ${SECRET}`)
  })

  it('asks the class of a token of another copy of the package for its headers', () => {
    const otherCopy = {
      headersOf: () => [['Authorization', 'Bearer of-another-copy']],
      headerNamesOf: () => ['authorization', 'x-of-another-copy'],
      authorizationOf: () => 'Bearer of-another-copy',
    }
    const foreign = { constructor: otherCopy } as unknown as AccessToken
    expect(AccessToken.headersOf(foreign)).toEqual(otherCopy.headersOf())
    expect(AccessToken.headerNamesOf(foreign)).toEqual(otherCopy.headerNamesOf())
    expect(AccessToken.authorizationOf(foreign)).toBe(otherCopy.authorizationOf())
  })

  it('is named by the start of the SHA-256 of the token', () => {
    // printf 'abc' | sha256sum
    expect(make({ value: 'abc' }).fingerprint).toBe('ba7816bf')
    expect(make({ value: 'abc' }).fingerprint).not.toBe(make().fingerprint)
    expect(String(make({ value: 'abc' }))).toBe('[AccessToken ba7816bf]')
  })

  it('serialises to everything but the token', () => {
    const token = make({ value: 'abc' })
    expect(JSON.parse(JSON.stringify({ token }))).toEqual({
      token: {
        tokenType: 'Bearer',
        scope: ['read', 'write'],
        lifetimeMs: 3_600_000,
        expiresAt: '2026-01-01T01:00:00.000Z',
        fingerprint: 'ba7816bf',
      },
    })
  })

  it('is inspected as everything but the token', () => {
    const shown = inspect({ token: make({ value: 'abc' }) })
    for (const part of ['AccessToken', 'ba7816bf', 'Bearer', 'read', '2026-01-01T01:00:00.000Z'])
      expect(shown).toContain(part)
  })

  it.each<[how: string, show: (token: AccessToken) => unknown]>([
    ['String()', (token) => String(token)],
    ['a template', (token) => `${token}`],
    ['concatenation', (token) => ['token', token].join(' ')],
    ['JSON', (token) => JSON.stringify([token, { token }])],
    ['inspect', (token) => inspect(token)],
    ['inspect in an error', (token) => inspect(Object.assign(new Error('no'), { token }))],
    [
      'inspect with everything',
      (token) => inspect({ token }, { showHidden: true, getters: true, depth: null, customInspect: false }),
    ],
    ['inspect without customInspect', (token) => inspect(token, { customInspect: false, depth: null })],
    ['inspect with getters', (token) => inspect(token, { getters: true, showHidden: true, depth: null })],
    [
      'inspect with showProxy',
      (token) => inspect(new Proxy(token, {}), { showProxy: true, showHidden: true, depth: null }),
    ],
    ['format %s', (token) => format('%s', token)],
    ['format %o', (token) => format('%o', token)],
    ['format %O', (token) => format('%O', token)],
    ['format %j', (token) => format('%j', token)],
    ['format %d', (token) => format('%d', token)],
    ['structuredClone', (token) => inspect(structuredClone(token), { showHidden: true, depth: null })],
    ['v8.serialize', (token) => `${serialize(token).toString('latin1')}${inspect(deserialize(serialize(token)))}`],
    ['spreading', (token) => JSON.stringify({ ...token })],
    [
      'all its names and their values',
      (token) => {
        const own = Reflect.ownKeys(token).map((name) => [name, Reflect.get(token, name)])
        const getters = Object.entries(Object.getOwnPropertyDescriptors(AccessToken.prototype)).map(
          ([name, { get }]) => [name, get?.call(token)],
        )
        return inspect([own, getters], { depth: null })
      },
    ],
    [
      'walking along its properties',
      (token) => {
        const values: unknown[] = []
        for (const name in token) values.push(name, token[name as keyof AccessToken])
        return inspect(values, { depth: null })
      },
    ],
  ])('shows nothing of the token by %s', (_how, show) => {
    const shown = show(make())
    expect(typeof shown).toBe('string')
    expect(shown).not.toBe('')
    expect(shown).not.toContain('Marker')
    expect(shown).not.toContain('eyJ')
  })

  it('cannot be changed by one of the many that share it', () => {
    const scope = ['read']
    const token = make({ scope })
    scope.push('admin')
    expect(token.scope).toEqual(['read'])
    expect(() => (token.scope as string[]).push('admin')).toThrow(TypeError)
    expect(() => Object.assign(token, { expiredAfterMs: Infinity })).toThrow(TypeError)
    expect(() => Object.assign(token, { reveal: () => 'another' })).toThrow(TypeError)
    expect(token.reveal()).toBe(SECRET)
  })

  it('falls due no earlier than it was said, and is used no longer, where that is no whole millisecond', () => {
    const token = make({ dueAfterMs: 666.67, expiredAfterMs: 899.9 })
    expect([token.dueAfterMs, token.expiredAfterMs]).toEqual([667, 899])
    const short = make({ dueAfterMs: 4.1, expiredAfterMs: 4.5 })
    expect([short.dueAfterMs, short.expiredAfterMs]).toEqual([4, 4])
  })

  it('is never taken for younger than it is by a clock that counts parts of milliseconds', () => {
    const token = make({ requestedAt: { wall: WALL, monotonic: 1000.9 } })
    const clock = new VirtualClock({ start: WALL })
    expect(token.ageMs(clock)).toBeGreaterThanOrEqual(clock.monotonicNow() - 1000.9)
  })
})
