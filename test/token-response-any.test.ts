import { describe, expect, it } from 'vitest'
import { TokenResponseError } from '../src/errors.ts'
import { readTokenResponse, type TokenResponse } from '../src/token-response.ts'
import { fc } from './support/fast-check.ts'
import {
  answer,
  CONTEXT,
  everyOutput,
  failure,
  read,
  SECRET,
  SUCCESS,
  TOKEN,
  YEAR_MS,
} from './support/token-endpoint-answer.ts'

describe('for any answer', () => {
  const runs = { seed: 1, numRuns: 500 }
  const text = fc.oneof(
    fc.string({ maxLength: 200, unit: 'binary' }),
    fc.json({ maxDepth: 4 }),
    fc.constantFrom(SECRET, TOKEN, `${SECRET}\u200b${TOKEN}`, '', '<html>', 'bearer', 'invalid_client'),
  )
  const value = fc.oneof(text, text, fc.double(), fc.integer(), fc.bigInt().map(String), fc.jsonValue({ maxDepth: 2 }))
  const names = [
    ...['access_token', 'token_type', 'expires_in', 'refresh_in', 'scope', 'error', 'error_description', 'error_uri'],
    ...['correlation_id', 'trace_id', '__proto__', 'refresh_token'],
  ]
  const members = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 8 })), value, {
    maxKeys: 12,
  })
  const body = fc.oneof(
    text,
    members.map((object) => JSON.stringify(object)),
    members.map((object) => JSON.stringify({ access_token: 'a', token_type: 'bearer', ...object })),
    members.map((object) =>
      new URLSearchParams(Object.entries(object).map(([k, v]): [string, string] => [k, String(v)])).toString(),
    ),
    fc.tuple(text, fc.constantFrom(SECRET, TOKEN), text).map((parts) => parts.join('')),
  )
  const given = fc.record({
    body,
    status: fc.oneof(fc.constantFrom(200, 201, 302, 400, 401, 429, 503), fc.integer({ min: 200, max: 599 })),
    headers: fc.dictionary(
      fc.constantFrom('content-type', 'location', 'retry-after', 'date', 'x-request-id', 'x-correlation-id'),
      fc.oneof(
        text,
        fc.constantFrom('application/json', 'application/x-www-form-urlencoded', `https://${SECRET}.example`),
      ),
      { maxKeys: 4 },
    ),
  })

  function outcome({ body, status, headers }: { body: string; status: number; headers: Record<string, string> }) {
    try {
      return readTokenResponse(answer(body, status, headers), { ...CONTEXT, secrets: [SECRET, TOKEN] })
    } catch (error) {
      return error
    }
  }

  it('either a token is read or a TokenResponseError thrown, complete and without a secret', () => {
    fc.assert(
      fc.property(given, (which) => {
        const result = outcome(which)
        if (!(result instanceof Error)) return
        expect(result).toBeInstanceOf(TokenResponseError)
        const error = result as TokenResponseError
        expect(everyOutput(error)).not.toMatch(new RegExp(`${SECRET}|${TOKEN}`, 'i'))
        expect(error).toMatchObject({ client: 'orders', status: which.status })
        expect(error.hint).not.toBe('')
        expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u)
        expect(error.message.length).toBeLessThan(900)
      }),
      runs,
    )
  })

  it('nothing of a body without OAuth members is echoed', () => {
    const words = fc.stringMatching(/^[QXZ]{8,40}$/)
    const bodies = fc.oneof(
      words,
      words.map((word) => `<p>${word}</p>`),
      words.map((word) => `{"${word}":`),
      words.map((word) => JSON.stringify({ [word]: word, access_token: `${word}\n`, token: word })),
    )
    fc.assert(
      fc.property(bodies, fc.constantFrom(200, 302, 400, 404, 503), (body, status) => {
        expect(everyOutput(failure(answer(body, status)))).not.toMatch(/[QXZ]{8}/)
      }),
      runs,
    )
  })

  it('a token that is read is printable ASCII, and its lifetime between zero and a year', () => {
    const successes = given.map((which) => ({ ...which, status: 200 }))
    let tokens = 0
    fc.assert(
      fc.property(successes, (which) => {
        const result = outcome(which)
        if (result instanceof Error) return
        tokens += 1
        const { accessToken, lifetimeMs, refreshInMs = lifetimeMs / 2 } = result as TokenResponse
        expect(accessToken).toMatch(/^[\x20-\x7e]+$/)
        expect(accessToken.trim()).toBe(accessToken)
        expect(lifetimeMs >= 0 && lifetimeMs <= YEAR_MS).toBe(true)
        expect(refreshInMs >= 0 && (refreshInMs < lifetimeMs || lifetimeMs === 0)).toBe(true)
      }),
      runs,
    )
    expect(tokens).toBeGreaterThan(20)
  })

  it('any number and any text is a lifetime between zero and a year', () => {
    const expiresIn = fc.oneof(fc.double(), fc.integer(), fc.bigInt().map(String), text)
    fc.assert(
      fc.property(expiresIn, (value) => {
        const { lifetimeMs } = read({ ...SUCCESS, expires_in: value })
        expect(lifetimeMs >= 0 && lifetimeMs <= YEAR_MS).toBe(true)
      }),
      runs,
    )
  })
})
