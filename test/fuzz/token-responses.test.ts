import { describe, expect, it } from 'vitest'
import { TokenResponseError } from '../../src/errors.ts'
import { TOKEN_EXCHANGE } from '../../src/grant/grant.ts'
import { readTokenResponse, type TokenResponse, type TokenResponseContext } from '../../src/token-response.ts'
import { createTransport } from '../../src/transport.ts'
import { fc } from '../support/fast-check.ts'
import { CONTEXT } from '../support/token-endpoint-answer.ts'
import { expectKinds, expectNoSecret, fuzz, json, mutated, SECRET, TOKEN, text } from './fuzz.ts'

const YEAR_MS = 365 * 24 * 3_600_000
const OTHERS = ['refresh_token', 'id_token', 'refresh_in', 'scope', 'authorization_details', 'ext_expires_in']
const WORDS = ['invalid_client', 'invalid_scope', 'unauthorized_client', 'access_denied', 'server_error', 'Bad Gateway']

const accessToken = fc.oneof(
  {
    arbitrary: fc.constantFrom<unknown>(
      TOKEN,
      TOKEN,
      'a',
      'b',
      'a|b:c!d',
      'a b',
      ' a',
      'a\n',
      'a\r',
      'a\0',
      'é',
      '',
      null,
      5,
      {},
    ),
    weight: 4,
  },
  { arbitrary: json, weight: 1 },
)
const tokenType = fc.oneof(
  { arbitrary: fc.constantFrom<unknown>('Bearer', 'bearer', 'BEARER', 'DPoP'), weight: 3 },
  { arbitrary: fc.constantFrom<unknown>('dpop', 'N_A', 'mac', '', null, 5, ['Bearer'], SECRET), weight: 1 },
)

const members = fc
  .record(
    {
      access_token: accessToken,
      token_type: tokenType,
      expires_in: json,
      issued_token_type: fc.constantFrom<unknown>('urn:ietf:params:oauth:token-type:access_token', '', null, 5),
      error: fc.oneof(fc.constantFrom(...WORDS), json),
      error_description: fc.oneof(
        fc.constantFrom(`AADSTS7000215: ${SECRET}`, 'Unauthorized', 'Invalid client secret'),
        json,
      ),
      error_uri: json,
      correlation_id: json,
    },
    { requiredKeys: ['access_token'] },
  )
  .chain((known) =>
    fc
      .dictionary(fc.oneof(fc.constantFrom(...OTHERS, '__proto__', 'toString'), text), json, { maxKeys: 4 })
      .map((others) => ({ ...others, ...known })),
  )

/** A server that says the token in its own words too. */
function tellingItsToken(object: { access_token?: unknown; error_uri?: unknown }): object {
  const isTold = object.access_token === TOKEN && object.error_uri !== undefined
  return isTold ? { ...object, token_type: 'mac', error_description: `Not ${TOKEN}`, correlation_id: TOKEN } : object
}

const form = fc
  .dictionary(fc.constantFrom('access_token', 'token_type', 'expires_in', 'error', 'scope'), text, { maxKeys: 5 })
  .map((fields) => new URLSearchParams(fields).toString())

const body = fc.oneof(
  { arbitrary: members.map((object) => JSON.stringify(tellingItsToken(object))), weight: 6 },
  { arbitrary: members.map((object) => `\ufeff${JSON.stringify(object, null, 2)}`), weight: 1 },
  { arbitrary: mutated(members.map((object) => JSON.stringify(object))), weight: 2 },
  { arbitrary: form, weight: 1 },
  {
    arbitrary: fc.oneof(
      text,
      json.map((value) => JSON.stringify(value) ?? ''),
    ),
    weight: 1,
  },
)

const answers = fc.record({
  body,
  status: fc.oneof(
    { arbitrary: fc.constantFrom(200, 201, 204), weight: 4 },
    { arbitrary: fc.constantFrom(302, 307, 400, 401, 403, 404, 405, 407, 408, 429, 500, 503, 599), weight: 2 },
  ),
  type: fc.oneof(
    fc.constantFrom('application/json', 'text/html', 'text/javascript; charset=x', 'application/x-www-form-urlencoded'),
    text,
  ),
  headers: fc.record({ location: text, 'retry-after': text, date: text, 'x-request-id': text }, { requiredKeys: [] }),
})

const contexts = fc.record({
  tokenType: fc.constantFrom('Bearer' as const, 'Bearer' as const, 'DPoP' as const),
  strictTokenType: fc.boolean(),
  authenticationMethod: fc.constantFrom('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'),
  isExchange: fc.boolean(),
  now: fc.constantFrom(CONTEXT.now, 0, 4e12),
  defaultLifetimeMs: fc.constantFrom(undefined, 60_000),
})

type Given = {
  readonly answer: typeof answers extends fc.Arbitrary<infer A> ? A : never
  readonly context: TokenResponseContext
}

const given: fc.Arbitrary<Given> = fc.record({ answer: answers, context: contexts }).map(({ answer, context }) => {
  const { isExchange, ...rest } = context
  const grant = isExchange ? { type: TOKEN_EXCHANGE, takesSubjectToken: true } : undefined
  return { answer, context: { ...CONTEXT, ...rest, grant, secrets: [SECRET] } }
})

/** By the table, and nothing of the code: whether there is a token in the answer that may be used. */
function isUsable({ answer, context }: Given): boolean {
  if (answer.status < 200 || answer.status > 299) return false
  const found = membersOf(answer.body, answer.type)
  const { access_token: token, token_type: type, issued_token_type: issued } = found ?? {}
  if (typeof token !== 'string' || !/^[!-~](?:[ -~]*[!-~])?$/.test(token)) return false
  const isMissing = type === undefined || type === null || type === ''
  if (isMissing && (context.strictTokenType || context.tokenType === 'DPoP')) return false
  if (!isMissing && String(type).toLowerCase() !== context.tokenType.toLowerCase()) return false
  if (!isMissing && typeof type !== 'string') return false
  return !(context.grant !== undefined && context.strictTokenType && !issued)
}

function membersOf(text: string, type: string): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(text.replace(/^\ufeff/, ''))
    if (typeof read === 'object' && read !== null && !Array.isArray(read))
      return Object.assign(Object.create(null), read)
  } catch {
    // A form perhaps.
  }
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return undefined
  return Object.fromEntries([...new URLSearchParams(text)].reverse())
}

function outcome({ answer, context }: Given): TokenResponse | Error {
  const headers: Record<string, string | undefined> = { ...answer.headers, 'content-type': answer.type }
  const header = (name: string) => (Object.hasOwn(headers, name) ? headers[name] : undefined)
  try {
    return readTokenResponse({ status: answer.status, header, body: answer.body }, context)
  } catch (error) {
    return error as Error
  }
}

describe('whatever a token endpoint answers', () => {
  it('a token is read when the table allows it, and only then', async () => {
    const kinds = await fuzz('token responses', given, (input) => {
      const result = outcome(input)
      expect(!(result instanceof Error)).toBe(isUsable(input))
      if (result instanceof Error) {
        expect(result).toBeInstanceOf(TokenResponseError)
        expectNoSecret(result)
        return (result as TokenResponseError).code
      }
      const { lifetimeMs, refreshInMs, tokenType, scope = [] } = result
      expect(lifetimeMs >= 0 && lifetimeMs <= YEAR_MS).toBe(true)
      expect(refreshInMs === undefined || (refreshInMs > 0 && refreshInMs < lifetimeMs)).toBe(true)
      expect(tokenType).toBe(input.context.tokenType)
      for (const token of scope) expect(token).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/)
      return 'token'
    })
    expectKinds(kinds, 'token', 'request_denied', 'invalid_response', 'redirect_refused', 'server_unavailable')
  })

  it('a lifetime is what the table says of it', async () => {
    const expiries = fc.oneof(json, fc.nat(4_000_000).map(String), fc.nat(4_000_000), fc.double({ min: 0, max: 4e12 }))
    const kinds = await fuzz(
      'lifetimes',
      fc.tuple(expiries, fc.constantFrom(undefined, 60_000)),
      ([expiresIn, byDefault]) => {
        const answer = {
          body: JSON.stringify({ access_token: 'a', token_type: 'Bearer', expires_in: expiresIn }),
          status: 200,
          type: 'application/json',
          headers: {},
        } as const
        const result = outcome({ answer, context: { ...CONTEXT, defaultLifetimeMs: byDefault } }) as TokenResponse
        // As it is after its way through JSON.
        const sent: unknown = JSON.parse(JSON.stringify({ expiresIn })).expiresIn
        const isDigits = typeof sent === 'string' && /^-?[0-9]+$/.test(sent)
        const seconds = isDigits ? Number(sent) : sent
        if (typeof seconds !== 'number' || !Number.isFinite(seconds)) {
          expect(result.lifetimeMs).toBe(byDefault ?? 300_000)
          return 'by default'
        }
        if (seconds < 1) {
          expect(result.lifetimeMs).toBe(0)
          return 'not positive'
        }
        if (seconds > 1e9) return 'an instant'
        expect(result.lifetimeMs).toBe(Math.min(seconds * 1000, YEAR_MS))
        return 'seconds'
      },
    )
    expectKinds(kinds, 'by default', 'not positive', 'an instant', 'seconds')
  })

  it('bytes of any encoding are read as text or refused, and never more than 256 KiB', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(body, fc.constantFrom('utf8' as const, 'utf16le' as const, 'latin1' as const))
        .map(([body, encoding]) => Buffer.from(body, encoding)),
      fc.constantFrom(256 * 1024, 256 * 1024 + 1, 1_000_000).map((length) => Buffer.alloc(length, 0x20)),
    )
    const kinds = await fuzz('bytes', fc.tuple(bytes, given), async ([bytes, { answer, context }]) => {
      const fetch = async () => new Response(new Uint8Array(bytes), { status: 200, headers: { 'x-sent': 'yes' } })
      const send = createTransport({ client: 'orders', transport: fetch })
      const signal = new AbortController().signal
      try {
        const { body } = await send({ method: 'POST', url: 'https://as.example/token', headers: {}, signal })
        expect(body).toBe(new TextDecoder().decode(bytes))
        const result = outcome({ answer: { ...answer, body }, context })
        expect(!(result instanceof Error)).toBe(isUsable({ answer: { ...answer, body }, context }))
        return result instanceof Error ? 'refused' : 'token'
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_response' })
        expect(bytes.length).toBeGreaterThan(256 * 1024)
        return 'too large'
      }
    })
    expectKinds(kinds, 'refused', 'too large', 'token')
  })
})
