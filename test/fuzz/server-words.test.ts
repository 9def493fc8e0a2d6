import { describe, expect, it } from 'vitest'
import { canonicalDetails, grantedDetails } from '../../src/authorization-details.ts'
import { TokenError } from '../../src/errors.ts'
import { parseChallenges, tokenVerdict } from '../../src/http/challenge.ts'
import { clockOffsetMs, parseRetryAfter } from '../../src/retry-after.ts'
import { readServerMetadata } from '../../src/server-metadata.ts'
import { readTokenParameters } from '../../src/token-parameters.ts'
import { fc } from '../support/fast-check.ts'
import { expectKinds, expectNoSecret, fuzz, json, mutated, text } from './fuzz.ts'

const ISSUER = 'https://as.example/realms/a'
const ENDPOINT_ORIGINS = ['https://tokens.example']

describe('whatever a metadata document says', () => {
  const good = fc.constantFrom('https://as.example/token', 'https://tokens.example/token?a=b')
  const urls = fc.oneof(
    fc.constantFrom(
      ...[
        'https://as.example/token',
        'https://tokens.example/token',
        'https://as.example:443/token?a=b',
        'http://as.example/token',
      ],
      ...[
        'https://as.example.evil.example/',
        'https://evil.example/token',
        'https://as.example@evil.example/',
        'https://AS.example/token',
      ],
      ...[
        'https://as.example/#a',
        '//as.example/token',
        'https:as.example',
        'https://as.example\\@evil.example/',
        'http://127.0.0.1:1/t',
      ],
    ),
    mutated(fc.constantFrom('https://as.example/token', 'https://tokens.example/token')),
    fc.webUrl(),
    json,
  )
  const documents = fc.record(
    {
      issuer: fc.oneof(
        { arbitrary: fc.constant<unknown>(ISSUER), weight: 5 },
        { arbitrary: mutated(fc.constant(ISSUER)), weight: 1 },
        { arbitrary: json, weight: 1 },
      ),
      token_endpoint: fc.oneof({ arbitrary: good, weight: 3 }, { arbitrary: urls, weight: 1 }),
      revocation_endpoint: fc.oneof(good, urls),
      mtls_endpoint_aliases: fc.oneof(
        fc.record({ token_endpoint: urls, revocation_endpoint: urls }, { requiredKeys: [] }),
        json,
      ),
      token_endpoint_auth_methods_supported: fc.oneof(
        fc.array(fc.oneof(fc.constantFrom('none', 'client_secret_post'), json), { maxLength: 4 }),
        json,
      ),
    },
    { requiredKeys: ['issuer'] },
  )
  const texts = fc.oneof(
    { arbitrary: documents.map((document) => JSON.stringify(document)), weight: 5 },
    { arbitrary: mutated(documents.map((document) => JSON.stringify(document))), weight: 1 },
    { arbitrary: text, weight: 1 },
  )

  it('only endpoints on the issuer’s origin or a listed one are taken from it', async () => {
    const kinds = await fuzz('metadata', fc.tuple(texts, fc.boolean()), ([document, allowInsecureLoopback]) => {
      const expected = { client: 'orders', issuer: ISSUER, endpointOrigins: ENDPOINT_ORIGINS, allowInsecureLoopback }
      try {
        const metadata = readServerMetadata(document, expected)
        if (metadata === undefined) return 'none'
        expect(metadata.issuer).toBe(ISSUER)
        expect(metadata.tokenEndpointAuthMethods ?? []).not.toContain('none')
        for (const member of [
          'tokenEndpoint',
          'mtlsTokenEndpoint',
          'revocationEndpoint',
          'mtlsRevocationEndpoint',
        ] as const) {
          const url = metadata[member]
          if (url === undefined) continue
          const { origin, username, password } = new URL(url)
          expect(['https://as.example', ...ENDPOINT_ORIGINS]).toContain(origin)
          expect(`${username}${password}`).toBe('')
          expect(url).toMatch(/^[!-~]+$/)
        }
        return 'metadata'
      } catch (error) {
        expect(error).toBeInstanceOf(TokenError)
        expect(['discovery_failed', 'issuer_mismatch']).toContain((error as TokenError).code)
        expectNoSecretButIssuer(error as TokenError)
        return (error as TokenError).code
      }
    })
    expectKinds(kinds, 'none', 'metadata', 'discovery_failed', 'issuer_mismatch')
  })

  // What a document names as its issuer is shown, because whoever reads it has to compare it; control characters are not.
  function expectNoSecretButIssuer(error: TokenError): void {
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u)
    expect(error.message.length).toBeLessThan(1500)
  }
})

describe('whatever a challenge says', () => {
  // RFC 9110 §11.6.1 and §5.6
  const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/)
  const value = fc.string({ maxLength: 20, unit: fc.constantFrom(...'abc "\\,=;é\t/@') })
  const quoted = value.map((text) => ({ text, written: `"${text.replace(/["\\]/g, '\\$&')}"` }))
  const bare = token.map((text) => ({ text, written: text }))
  const space = fc.constantFrom('', ' ', '\t', '  ')
  const parameter = fc.record({ name: token, value: fc.oneof(quoted, bare), before: space, after: space })
  const challenge = fc.record({
    scheme: fc.constantFrom('Bearer', 'bearer', 'DPoP', 'Basic', 'Negotiate'),
    content: fc.oneof(
      fc.array(parameter, { minLength: 1, maxLength: 4 }),
      fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,20}={0,2}$/),
      fc.constant(undefined),
    ),
  })
  const separator = fc.constantFrom(', ', ',', ' ,\t', ', , ', ',,')
  const header = fc.tuple(fc.array(challenge, { minLength: 1, maxLength: 4 }), separator)

  type Content = Parameters<typeof written>[0]
  function written({
    scheme,
    content,
  }: {
    scheme: string
    content: readonly { name: string; value: { written: string }; before: string; after: string }[] | string | undefined
  }): string {
    if (content === undefined) return scheme
    if (typeof content === 'string') return `${scheme} ${content}`
    return `${scheme} ${content.map(({ name, value, before, after }) => `${name}${before}=${after}${value.written}`).join(', ')}`
  }

  it('one that is well-formed is read back as it was written', async () => {
    await fuzz('challenges', header, ([challenges, between]) => {
      const read = parseChallenges(challenges.map((one) => written(one as Content)).join(between))
      expect(read.map(({ scheme }) => scheme)).toEqual(challenges.map(({ scheme }) => scheme.toLowerCase()))
      challenges.forEach(({ content }, i) => {
        if (typeof content === 'string') expect(read[i]?.token68).toBe(content)
        if (!Array.isArray(content)) return
        const expected = new Map(content.map(({ name, value }) => [name.toLowerCase(), value.text] as const).reverse())
        expect(new Map(read[i]?.parameters)).toEqual(expected)
      })
      return 'read'
    })
  })

  it('any other is read without end, error or a verdict that there is not', async () => {
    const wrong = mutated(
      header.map(([challenges, between]) => challenges.map((one) => written(one as Content)).join(between)),
    )
    const headers = fc.oneof(wrong, fc.array(wrong, { maxLength: 3 }), text, fc.constantFrom(null, undefined))
    const kinds = await fuzz('mutated challenges', headers, (given) => {
      for (const { scheme, parameters } of parseChallenges(given)) {
        expect(scheme).toMatch(/^[^ \t\r\n,="]+$/)
        for (const name of parameters.keys()) expect(name).not.toBe('')
      }
      return tokenVerdict(given)
    })
    expectKinds(kinds, 'rejected')
  })

  it('errors are told apart however they are written', async () => {
    const errors = fc.constantFrom('invalid_token', 'insufficient_scope', 'invalid_request', 'use_dpop_nonce')
    const kinds = await fuzz(
      'verdicts',
      fc.tuple(errors, fc.constantFrom('Bearer', 'DPoP'), fc.array(parameter, { maxLength: 3 })),
      ([error, scheme, others]) => {
        const rest = others.filter(({ name }) => name.toLowerCase() !== 'error')
        const content = [
          ...rest,
          { name: 'error', value: { text: error, written: `"${error}"` }, before: '', after: '' },
        ]
        const verdict = tokenVerdict(written({ scheme, content }))
        const expected =
          error === 'invalid_token'
            ? 'rejected'
            : error === 'use_dpop_nonce' && scheme === 'DPoP'
              ? 'nonce'
              : 'insufficient'
        expect(verdict).toBe(expected)
        return verdict
      },
    )
    expectKinds(kinds, 'rejected', 'insufficient', 'nonce')
  })
})

describe('whatever a Retry-After says', () => {
  const NOW = Date.UTC(2026, 0, 1)
  const instants = fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => new Date(seconds * 1000))
  const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
  // RFC 9110 §5.6.7
  const forms: readonly ((date: Date) => string)[] = [
    (date) => date.toUTCString(),
    (date) => {
      const [, day, month, year = '', time] = date.toUTCString().split(' ')
      return `${DAYS[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`
    },
    (date) => {
      const [weekday = '', day = '', month, year, time] = date.toUTCString().split(' ')
      return `${weekday.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`
    },
  ]

  it('a date of each form is read to the second', async () => {
    await fuzz('dates', fc.tuple(instants, fc.nat(2)), ([date, form]) => {
      // Two digits of a year mean one within fifty years.
      const isNear = Math.abs(date.getUTCFullYear() - 2026) < 49
      const wait = parseRetryAfter(forms[form]?.(date), undefined, NOW)
      if (form === 1 && !isNear) return 'far'
      expect(wait).toBe(Math.max(0, date.getTime() - NOW))
      return 'read'
    })
  })

  it('anything else is nothing, or a finite figure', async () => {
    const values = fc.oneof(
      mutated(fc.tuple(instants, fc.nat(2)).map(([date, form]) => forms[form]?.(date) ?? '')),
      text,
      mutated(fc.nat().map(String)),
      // A `toString` of an object's own may be no function.
      json.map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))),
    )
    const kinds = await fuzz('waits', fc.tuple(values, values), ([value, date]) => {
      const wait = parseRetryAfter(value, date, NOW)
      const offset = clockOffsetMs(date, NOW)
      expect(offset === undefined || Number.isFinite(offset)).toBe(true)
      if (wait === undefined) return 'none'
      expect(Number.isFinite(wait) && wait >= 0).toBe(true)
      return 'a figure'
    })
    expectKinds(kinds, 'none', 'a figure')
  })
})

describe('whatever is given as scopes', () => {
  it('what is accepted is what RFC 6749 allows, and the rest is refused by name', async () => {
    const scopes = fc.oneof(
      text,
      fc.array(text, { maxLength: 4 }),
      json,
      fc.stringMatching(/^[a-z.:/]{1,8}( [a-z.:/]{1,8}){0,3}$/),
    )
    const kinds = await fuzz('scopes', scopes, (given) => {
      try {
        const { scope } = readTokenParameters({ scope: given as string }, '')
        for (const token of scope) expect(token).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/)
        expect(new Set(scope).size).toBe(scope.length)
        return 'accepted'
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
        expect((error as Error).message).toMatch(/^evertoken: option `scope` /)
        return 'refused'
      }
    })
    expectKinds(kinds, 'accepted', 'refused')
  })
})

describe('whatever is given as authorization details', () => {
  it('the same data is the same text, in whatever order its members are', async () => {
    const member = fc.oneof(json, fc.constantFrom(undefined, Number.NaN, 1n, Symbol.iterator, new Date(0), new Map()))
    const details = fc.array(fc.dictionary(fc.oneof(fc.constant('type'), text), member, { maxKeys: 5 }), {
      maxLength: 3,
    })
    const typed = fc.array(
      fc
        .dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), json, { maxKeys: 4 })
        .map((detail) => ({ type: 'payment', ...detail })),
      { minLength: 1, maxLength: 3 },
    )
    const kinds = await fuzz('authorization details', fc.oneof(details, typed, json), (given) => {
      try {
        const written = canonicalDetails(given, 'authorizationDetails')
        if (written === '') return 'none'
        const turned = (given as object[]).map((detail) => Object.fromEntries(Object.entries(detail).reverse()))
        expect(canonicalDetails(turned, 'authorizationDetails')).toBe(written)
        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(given)))
        expect(grantedDetails(JSON.parse(written))).toEqual(JSON.parse(written))
        return 'written'
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        expect(error.message).toMatch(/^evertoken: option `authorizationDetails/)
        return 'refused'
      }
    })
    expectKinds(kinds, 'written', 'refused')
  })

  it('any that a server grants are taken or left, without error', async () => {
    await fuzz(
      'granted details',
      fc.oneof(json, fc.array(json, { maxLength: 3 }), fc.object({ maxDepth: 5 })),
      (given) => {
        const granted = grantedDetails(given)
        expectNoSecret(granted === undefined ? undefined : granted.length)
        return granted === undefined ? 'left' : 'taken'
      },
    )
  })
})
