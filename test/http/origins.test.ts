import axios from 'axios'
import { describe, expect, it } from 'vitest'
import { TokenError } from '../../src/errors.ts'
import { originOf, parseAllowedOrigins, resolveRequestUrls, staysOnBase } from '../../src/http/origins.ts'
import { fc } from '../support/fast-check.ts'

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

function codeOf(run: () => unknown): string {
  const error = thrownBy(run)
  expect(error).toBeInstanceOf(TokenError)
  expect((error as TokenError).hint).toBeTruthy()
  return (error as TokenError).code
}

const check = (origins: string[], url: string) => parseAllowedOrigins(origins, 'origins', true).check(new URL(url))

describe('the list of allowed origins', () => {
  it.each<[origin: string, url: string, verdict: 'allowed' | 'other']>([
    ['https://api.example.com', 'https://api.example.com/a?b#c', 'allowed'],
    ['https://api.example.com/', 'https://api.example.com', 'allowed'],
    ['HTTPS://API.Example.COM', 'https://api.example.com', 'allowed'],
    ['https://api.example.com', 'HTTPS://API.EXAMPLE.COM/', 'allowed'],
    ['https://api.example.com:443', 'https://api.example.com', 'allowed'],
    ['https://api.example.com', 'https://api.example.com:443', 'allowed'],
    ['https://api.example.com', 'https://api.example.com:8443', 'other'],
    ['https://api.example.com:8443', 'https://api.example.com', 'other'],
    ['https://api.example.com', 'https://example.com', 'other'],
    ['https://example.com', 'https://api.example.com', 'other'],
    ['https://api.example.com', 'https://api.example.com.evil.com', 'other'],
    ['https://api.example.com', 'https://evil.com/api.example.com', 'other'],
    ['https://api.example.com', 'https://evil.com\\@api.example.com', 'other'],
    ['https://api.example.com', 'https:\\\\api.example.com', 'allowed'],
    ['https://api.example.com', 'https://api.example.com.', 'other'],
    ['https://bücher.example', 'https://xn--bcher-kva.example', 'allowed'],
    ['https://xn--bcher-kva.example', 'https://BÜCHER.example', 'allowed'],
    ['https://api.example.com', 'https://аpi.example.com', 'other'],
    ['https://api.example.com', 'https://api。example.com', 'allowed'],
    ['https://192.168.0.1', 'https://3232235521', 'allowed'],
    ['https://[2001:db8::1]', 'https://[2001:0DB8:0::1]/', 'allowed'],
    ['https://api.example.com', 'blob:https://api.example.com/1b4e28ba', 'other'],
    ['https://api.example.com', 'wss://api.example.com', 'other'],
    ['https://api.example.com', 'file:///etc/passwd', 'other'],
    ['https://api.example.com', 'http://other.example.com', 'other'],
    ['http://127.0.0.1:3000', 'http://127.1:3000/a', 'allowed'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3001/a', 'other'],
    ['http://[::1]:3000', 'http://[0:0::1]:3000/a', 'allowed'],
    ['http://localhost', 'http://localhost:80/a', 'allowed'],
    ['http://localhost', 'http://localhost.', 'other'],
    ['https://*.example.com', 'https://api.example.com', 'allowed'],
    ['https://*.example.com', 'https://API.example.com:443/', 'allowed'],
    ['https://*.example.com', 'https://example.com', 'other'],
    ['https://*.example.com', 'https://a.b.example.com', 'other'],
    ['https://*.example.com', 'https://.example.com', 'other'],
    ['https://*.example.com', 'https://apiexample.com', 'other'],
    ['https://*.example.com', 'https://api.example.com.', 'other'],
    ['https://*.example.com', 'https://api.example.com:8443', 'other'],
    ['https://*.example.com:8443', 'https://api.example.com:8443', 'allowed'],
    ['https://*.example.com', 'https://api.example.com.evil.com', 'other'],
  ])('with %s takes %s for: %s', (origin, url, verdict) => {
    expect(check([origin], url)).toBe(verdict)
  })

  it.each([
    ['a user name', 'https://someone@api.example.com/', 'origin_refused'],
    ['a password', 'https://:secret@api.example.com/', 'origin_refused'],
    ['a host disguised as a user name', 'https://api.example.com@evil.com/', 'origin_refused'],
    ['http to a host listed with https', 'http://api.example.com/', 'insecure_url'],
    ['http to a host that a wildcard lists', 'http://tenant.example.org/', 'insecure_url'],
  ])('refuses %s', (_, url, code) => {
    expect(codeOf(() => check(['https://api.example.com', 'https://*.example.org'], url))).toBe(code)
  })

  it('says in a refusal where the request would have gone and where it may go, but not with what', () => {
    const origins = parseAllowedOrigins(['https://api.example.com', 'https://*.example.org'], 'origins', false)
    const error = origins.refusal(new URL('https://evil.com/people/4711?key=private'))
    expect(error.code).toBe('origin_refused')
    expect(error.message).toContain('https://evil.com ')
    expect(error.message).toContain('(allowed: https://api.example.com, https://*.example.org)')
    expect(error.message).toContain('`origins`')
    expect(error.message).not.toMatch(/4711|private/)
    expect(parseAllowedOrigins([], 'origins', false).refusal(new URL('data:,x')).message).toContain('(allowed: none)')
  })

  it('keeps a password out of the refusal', () => {
    const error = thrownBy(() => check(['https://api.example.com'], 'https://me:hunter2@api.example.com'))
    expect(String(error)).not.toContain('hunter2')
    expect(String(error)).toContain(
      'The request to https://api.example.com was not sent: its URL holds a user name or password.',
    )
  })

  it('counts its entries, each once', () => {
    expect(parseAllowedOrigins([], 'origins', false).size).toBe(0)
    const origins = ['https://a.example', 'https://A.example:443', 'https://*.b.example']
    expect(parseAllowedOrigins(origins, 'origins', false).size).toBe(2)
  })

  it.each([
    ['a list that is not one', 'https://api.example.com'],
    ['something that is no text', [new URL('https://api.example.com')]],
    ['a bare host', ['api.example.com']],
    ['a path', ['https://api.example.com/v1']],
    ['a query', ['https://api.example.com?x']],
    ['a fragment', ['https://api.example.com#x']],
    ['a user name', ['https://me@api.example.com']],
    ['backslashes', ['https:\\\\api.example.com']],
    ['a hidden line break', ['https://api.example\n.com']],
    ['space around it', [' https://api.example.com']],
    ['an impossible port', ['https://api.example.com:99999']],
    ['another scheme', ['ftp://api.example.com']],
    ['http to another machine', ['http://api.example.com']],
    ['http to a name that starts like this machine', ['http://127.0.0.1.evil.com']],
    ['any host at all', ['https://*']],
    ['a whole top-level domain', ['https://*.com']],
    ['a wildcard within a label', ['https://api-*.example.com']],
    ['a wildcard further right', ['https://api.*.example.com']],
    ['two wildcards', ['https://*.*.example.com']],
    ['a hidden second wildcard', ['https://*.%2a.example.com']],
    ['a wildcard and a trailing dot', ['https://*.example.com.']],
    ['a wildcard over http', ['http://*.localhost.localhost']],
  ])('does not accept %s as an entry', (_, origins) => {
    const error = thrownBy(() => parseAllowedOrigins(origins as string[], 'origins', true))
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toContain('option `origins')
  })

  it.each([
    ['https://api.example.com', "`origins` must be a list of origins. Such as ['https://api.example.com']."],
    [
      ['api.example.com'],
      "`origins[0]` must be an origin. Scheme, host and perhaps port, such as 'https://api.example.com'.",
    ],
    [['https://*.com'], "`origins[0]` has a wildcard in the wrong place. The only form is 'https://*.example.com'."],
    [['http://*.localhost'], '`origins[0]` has a wildcard in the wrong place.'],
    [['http://*.example.localhost'], '`origins[0]` has a wildcard in the wrong place.'],
    [['http://api.example.com'], '`origins[0]` must be an https origin. Use the https address of the API.'],
    [
      ['http://localhost'],
      '`origins[0]` must be an https origin. For tests against this machine set `allowInsecureLoopback',
    ],
  ])('says what is wrong with %j', (origins, words) => {
    expect(String(thrownBy(() => parseAllowedOrigins(origins as string[], 'origins', false)))).toContain(words)
  })

  it('names the entry at fault', () => {
    const error = thrownBy(() => parseAllowedOrigins(['https://a.example', 'b.example'], 'origins', false))
    expect(String(error)).toContain('`origins[1]`')
  })

  it.each(['http://127.0.0.1:3000', 'http://[::1]', 'http://localhost'])('accepts %s only when asked to', (origin) => {
    expect(parseAllowedOrigins([origin], 'origins', true).size).toBe(1)
    const error = thrownBy(() => parseAllowedOrigins([origin], 'origins', false))
    expect(String(error)).toContain('`allowInsecureLoopback: true`')
  })
})

describe('the origin of a base URL', () => {
  it.each([
    ['https://api.example.com/v1?x', false, 'https://api.example.com'],
    ['HTTPS://API.example.com:443', false, 'https://api.example.com'],
    ['http://127.0.0.1:3000/v1', true, 'http://127.0.0.1:3000'],
    ['http://127.255.255.254', true, 'http://127.255.255.254'],
    ['http://0x7f.1', true, 'http://127.0.0.1'],
    ['http://[::1]:3000', true, 'http://[::1]:3000'],
  ])('of %s (this machine over http: %s) is %s', (baseURL, allowInsecureLoopback, origin) => {
    expect(originOf(baseURL, allowInsecureLoopback)).toBe(origin)
  })

  it.each([
    ['', true, 'origin_refused'],
    ['/v1', true, 'origin_refused'],
    ['//api.example.com', true, 'origin_refused'],
    ['api.example.com/v1', true, 'origin_refused'],
    ['https://', true, 'origin_refused'],
    ['https://me:secret@api.example.com', true, 'origin_refused'],
    ['http://api.example.com', true, 'insecure_url'],
    ['http://127.0.0.1:3000', false, 'insecure_url'],
    ['http://128.0.0.1', true, 'insecure_url'],
    ['http://0.0.0.0', true, 'insecure_url'],
    ['http://localhost.evil.com', true, 'insecure_url'],
    ['ftp://127.0.0.1', true, 'insecure_url'],
    ['data:text/plain,x', true, 'insecure_url'],
    ['api.example.com:443/v1', true, 'insecure_url'],
  ])('is not to be had of %j (this machine over http: %s): %s', (baseURL, allowInsecureLoopback, code) => {
    expect(codeOf(() => originOf(baseURL, allowInsecureLoopback))).toBe(code)
  })
})

describe('the refusal of a base URL', () => {
  it.each([
    ['/v1', 'was not sent: its URL is not absolute, so it is unknown where the token would go.'],
    [
      'http://api.example.com/v1?key=private',
      'The request to http://api.example.com was not sent: the token goes over https only.',
    ],
    ['http://api.example.com', 'Use the https address of the API.'],
    ['ftp://127.0.0.1/x', 'Use the https address of the API.'],
    ['http://127.0.0.1:3000', 'For tests against this machine set `allowInsecureLoopback: true`.'],
    ['data:text/plain,x', 'The request to a data: URL was not sent: the token goes over https only.'],
  ])('of %s says why', (baseURL, words) => {
    const error = String(thrownBy(() => originOf(baseURL, false)))
    expect(error).toContain(words)
    expect(error).not.toContain('private')
  })
})

describe('where a request may go', () => {
  const BASE = 'https://api.example.com/v1'

  type Row = [
    baseURL: string | undefined,
    url: string | undefined,
    allowAbsoluteUrls: boolean | undefined,
    hrefs: string[],
  ]
  it.each<Row>([
    [BASE, undefined, undefined, ['https://api.example.com/v1']],
    [BASE, '', undefined, ['https://api.example.com/v1']],
    [BASE, '/orders', undefined, ['https://api.example.com/v1/orders']],
    [`${BASE}//`, 'orders', undefined, ['https://api.example.com/v1/orders']],
    [BASE, '/../..', undefined, ['https://api.example.com/']],
    [BASE, '//evil.com/x', undefined, []],
    [BASE, 'https://evil.com/x', undefined, ['https://evil.com/x']],
    [BASE, 'https://evil.com/x', true, ['https://evil.com/x']],
    [BASE, 'https://evil.com/x', false, ['https://api.example.com/v1/https://evil.com/x', 'https://evil.com/x']],
    [BASE, 'custom+x.1://evil.com', undefined, ['custom+x.1://evil.com']],
    [BASE, 'http:evil.com', undefined, ['https://api.example.com/v1/http:evil.com']],
    [BASE, 'https:/evil.com', undefined, ['https://api.example.com/v1/https:/evil.com']],
    [BASE, '\\\\evil.com', undefined, ['https://api.example.com/v1///evil.com']],
    [BASE, '/\\evil.com', undefined, ['https://api.example.com/v1//evil.com']],
    [BASE, '/\t/evil.com', undefined, ['https://api.example.com/v1//evil.com']],
    [BASE, ' https://evil.com', undefined, ['https://api.example.com/v1/%20https://evil.com']],
    [BASE, '@evil.com', undefined, ['https://api.example.com/v1/@evil.com']],
    ['https://api.example.com', '@evil.com', undefined, ['https://api.example.com/@evil.com']],
    [undefined, 'https://api.example.com/x', undefined, ['https://api.example.com/x']],
    [undefined, 'https://api.example.com/x', false, ['https://api.example.com/x']],
    ['', 'http:evil.com', undefined, ['http://evil.com/']],
    [undefined, 'https:/\\evil.com', undefined, ['https://evil.com/']],
    [undefined, undefined, undefined, []],
    [undefined, '/x', undefined, []],
    [undefined, '//evil.com', undefined, []],
    ['/v1', '/x', undefined, []],
    ['https://', 'evil.com', undefined, ['https://evil.com/']],
    [BASE, '//evil.com/x', false, []],
  ])('with baseURL %j, url %j and allowAbsoluteUrls %j is %j', (baseURL, url, allowAbsoluteUrls, hrefs) => {
    const resolve = () => resolveRequestUrls(baseURL, url, allowAbsoluteUrls)
    if (hrefs.length === 0) expect(codeOf(resolve)).toBe('origin_refused')
    else expect(resolve().map(String)).toEqual(hrefs)
  })

  it('is read from URL objects as well', () => {
    const url = new URL('https://api.example.com/x') as unknown as string
    expect(resolveRequestUrls(undefined, url, undefined).map(String)).toEqual(['https://api.example.com/x'])
    expect(resolveRequestUrls(BASE, url, undefined).map(String)).toEqual(['https://api.example.com/x'])
  })

  it('always includes where the installed axios goes', () => {
    fc.assert(
      fc.property(bases, urls, fc.constantFrom(undefined, true, false), (baseURL, url, allowAbsoluteUrls) => {
        const target = axiosTarget({ baseURL, url, ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }) })
        if (target === undefined) return
        const candidates = (() => {
          try {
            return resolveRequestUrls(baseURL, url, allowAbsoluteUrls).map(String)
          } catch {
            return undefined
          }
        })()
        // Refusing is always right; naming other places than axios is not.
        if (candidates !== undefined) expect(candidates).toContain(target.href)
      }),
      { numRuns: 3000, seed: 27152 },
    )
  })
})

/** Where the installed axios sends a request, as far as it would send it. */
function axiosTarget(config: { baseURL: string; url: string; allowAbsoluteUrls?: boolean }): URL | undefined {
  try {
    return new URL(axios.getUri(config))
  } catch {
    return undefined
  }
}

// What URLs are made of, and what takes them elsewhere.
const pieces = fc.oneof(
  fc.constantFrom(...'//\\:@?#.\t\n\r \u0000\u00a0\ufeff', '..', '%2f', '%5c'),
  fc.constantFrom('//', 'https', 'http:', 'https://', 'https:/', 'data:', 'evil.com', 'orders', '[::1]', 'é', '\ud800'),
  fc.string({ maxLength: 3, unit: 'binary' }),
)
const urls = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''))
const bases = fc.constantFrom(
  'https://api.example.com',
  'https://api.example.com/',
  'https://api.example.com///',
  'https://api.example.com/v1',
  'https://api.example.com:8443/a/',
  'https://api.example.com?q=',
  'https://api.example.com/#',
  'HTTPS://api.example.com\\',
  'http://127.0.0.1:3000',
  'https://[::1]:8443/x',
)

describe('staysOnBase', () => {
  it.each<[url: string | undefined, stays: boolean]>([
    [undefined, true],
    ['', true],
    ['/', true],
    ['/orders', true],
    ['/orders/1:2//3', true],
    ['orders', true],
    ['orders/1', true],
    ['?page=2', true],
    ['#', true],
    ['//evil.com', false],
    ['/\\evil.com', false],
    ['/\t/evil.com', false],
    ['/\n\\evil.com', false],
    ['\\\\evil.com', false],
    ['\\/evil.com', false],
    [' //evil.com', false],
    ['\u0000//evil.com', false],
    ['https://evil.com', false],
    ['http:evil.com', false],
    ['ht\ntp:evil.com', false],
    ['data:,x', false],
    ['orders/1:2', false],
  ])('%j: %s', (url, stays) => {
    expect(staysOnBase(url)).toBe(stays)
  })

  it('does not vouch for what is no text', () => {
    expect(staysOnBase(new URL('https://evil.com') as unknown as string)).toBe(false)
    expect(staysOnBase({ toString: () => '//evil.com' } as unknown as string)).toBe(false)
  })

  it('is true only for a url that stays on the base’s origin, appended by axios or resolved as a reference', () => {
    let vouchedFor = 0
    fc.assert(
      fc.property(bases, urls, (baseURL, url) => {
        if (!staysOnBase(url)) return
        vouchedFor += 1
        const { origin } = new URL(baseURL)
        expect(new URL(axios.getUri({ baseURL, url })).origin).toBe(origin)
        expect(new URL(url, baseURL).origin).toBe(origin)
        for (const candidate of resolveRequestUrls(baseURL, url, false)) expect(candidate.origin).toBe(origin)
      }),
      { numRuns: 5000, seed: 27152 },
    )
    expect(vouchedFor).toBeGreaterThan(500)
  })
})
