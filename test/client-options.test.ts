import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { clientAuthentication } from '../src/client-authentication/client-authentication.ts'
import { none } from '../src/client-authentication/none.ts'
import { privateKeyJwt } from '../src/client-authentication/private-key-jwt.ts'
import { tlsClientAuth } from '../src/client-authentication/tls-client-auth.ts'
import { type ClientOptions, type ClientSettings, readClientOptions } from '../src/client-options.ts'
import { ownOptions } from '../src/option-values.ts'

const SECRET = 'Marker-S3cret'
const MINUTE = 60_000
const YEAR = 365 * 24 * 60 * MINUTE

const BASE: ClientOptions = {
  tokenEndpoint: 'https://as.example/token',
  clientId: 'orders-service',
  clientSecret: SECRET,
}

/** Reads options as a caller without types may give them, with what is needed filled in. */
const read = (options: object, at = ''): ClientSettings => readClientOptions({ ...BASE, ...options }, 'orders', at)

function failureOf(work: () => unknown): TypeError {
  try {
    work()
  } catch (error) {
    if (error instanceof TypeError) return error
    throw error
  }
  return expect.fail('the options were accepted')
}

const NAMES = Object.keys({
  scope: true,
  resource: true,
  audience: true,
  parameters: true,
  issuer: true,
  tokenEndpoint: true,
  clientId: true,
  clientSecret: true,
  clientAuthentication: true,
  basicEncoding: true,
  grant: true,
  expectedIssuer: true,
  endpointOrigins: true,
  allowInsecureLoopback: true,
  defaultLifetimeMs: true,
  refreshWindowMs: true,
  safetyMarginMs: true,
  timeoutMs: true,
  attemptTimeoutMs: true,
  maxAttempts: true,
  keepWarm: true,
  revocationEndpoint: true,
  requireScope: true,
  strictTokenType: true,
  transport: true,
  proxy: true,
  ca: true,
  dpop: true,
  profile: true,
  credentialId: true,
  certificate: true,
  buildRequest: true,
  parseResponse: true,
  applyToken: true,
  requestToken: true,
  authorizationDetails: true,
} satisfies Record<keyof ClientOptions, true>) as (keyof ClientOptions)[]

describe('client options', () => {
  it('that are few get these defaults', () => {
    const { authentication, grant, hooks, ...settings } = read({})
    expect(authentication.method).toBeUndefined()
    expect(grant.type).toBe('client_credentials')
    expect(Object.values(hooks)).toEqual([undefined, undefined, undefined, undefined])
    expect(settings).toEqual({
      name: 'orders',
      clientId: 'orders-service',
      issuer: undefined,
      tokenEndpoint: 'https://as.example/token',
      parameters: { scope: [], resource: [], audience: [], parameters: {} },
      expectedIssuer: undefined,
      endpointOrigins: [],
      allowInsecureLoopback: false,
      defaultLifetimeMs: undefined,
      limits: { refreshWindowMs: 20 * MINUTE, safetyMarginMs: 10_000 },
      timeoutMs: 15_000,
      attemptTimeoutMs: 5000,
      maxAttempts: 3,
      keepWarm: false,
      revocationEndpoint: undefined,
      requireScope: false,
      strictTokenType: false,
      transport: { transport: undefined, proxy: undefined, ca: undefined },
      dpop: undefined,
      credentialId: undefined,
      certificate: undefined,
    } satisfies Omit<ClientSettings, 'authentication' | 'grant' | 'hooks'>)
  })

  it('are taken over as they are given', () => {
    const transport = async () => expect.fail('nothing is sent')
    const given = {
      issuer: 'https://as.example/realms/a/',
      tokenEndpoint: 'https://as.example:8443/token?p=1',
      expectedIssuer: 'http://behind-a-proxy.internal/realms/{tenant}',
      endpointOrigins: ['https://other.example', 'https://mtls.example:8443/'],
      revocationEndpoint: 'https://as.example/revoke',
      defaultLifetimeMs: 70_000,
      refreshWindowMs: 8000,
      safetyMarginMs: 500.5,
      timeoutMs: 9000,
      attemptTimeoutMs: 8000,
      maxAttempts: 10,
      keepWarm: true,
      requireScope: true,
      strictTokenType: true,
      transport,
      proxy: false,
      ca: 'ca',
    }
    const { endpointOrigins, refreshWindowMs, safetyMarginMs, proxy, ca, ...same } = given
    expect(read(given)).toMatchObject({
      ...same,
      endpointOrigins: ['https://other.example', 'https://mtls.example:8443'],
      limits: { refreshWindowMs: 8000, safetyMarginMs: 500.5 },
      transport: { transport, proxy, ca },
    })
  })

  it('say which token is wanted', () => {
    const { parameters } = read({ scope: 'b a', resource: 'urn:x', audience: ['y'], parameters: { tenant: 't' } })
    expect(parameters).toEqual({ scope: ['b', 'a'], resource: ['urn:x'], audience: ['y'], parameters: { tenant: 't' } })
  })

  it('give an attempt no more time than the whole request', () => {
    expect(read({ timeoutMs: 2000 }).attemptTimeoutMs).toBe(2000)
    expect(read({ timeoutMs: 2000, attemptTimeoutMs: 3000 }).attemptTimeoutMs).toBe(2000)
    expect(read({ timeoutMs: 20_000, attemptTimeoutMs: 300 }).attemptTimeoutMs).toBe(300)
  })

  it.each(NAMES)('may have %s as undefined, which is as if it were not there', (name) => {
    const base = { ...BASE, issuer: 'https://as.example' }
    if (name === 'clientId' || name === 'clientSecret') {
      expect(failureOf(() => readClientOptions({ ...base, [name]: undefined }, 'orders', '')).message).toContain(
        `\`${name}\``,
      )
      return
    }
    const { [name]: _, ...without } = base
    const settings = (options: object) => inspect(readClientOptions(options, 'orders', ''), { depth: null })
    expect(settings({ ...base, [name]: undefined })).toBe(settings(without))
  })
})

describe('a wrong option', () => {
  const wrongDurations = [0, -1, Number.NaN, Infinity, YEAR + 1, '5000', null, {}]
  const cases: readonly (readonly [option: keyof ClientOptions, value: unknown, words: string])[] = [
    ['clientId', undefined, 'must be a non-empty string without control characters. Is the environment variable set?'],
    ['clientId', '', 'must be a non-empty string'],
    ['clientId', 5, 'must be a non-empty string'],
    ['clientId', 'orders\n', 'without control characters'],
    ['clientSecret', undefined, 'is missing. Is the environment variable set?'],
    ['clientSecret', null, 'is null, not a string'],
    ['clientSecret', '', 'is empty. Is the environment variable set?'],
    [
      'clientSecret',
      `${SECRET}\n`,
      'has a line break or another control character. Secrets read from files often end in a newline',
    ],
    [
      'clientAuthentication',
      'private_key_jwt',
      "must be 'client_secret_basic', 'client_secret_post', 'client_secret_jwt' or what a factory returned. For this",
    ],
    ['clientAuthentication', 'private_key_jwt', 'For this method give `privateKeyJwt({ key })`'],
    ['clientAuthentication', 'tls_client_auth', 'For this method give `tlsClientAuth()`'],
    ['clientAuthentication', 'none', 'For this method give `none()`'],
    ['clientAuthentication', 'constructor', 'or what a factory returned'],
    ['clientAuthentication', null, "must be 'client_secret_basic'"],
    ['basicEncoding', 'FORM', "must be 'form' or 'raw'"],
    ['basicEncoding', null, "must be 'form' or 'raw'"],
    ...(['tokenEndpoint', 'issuer', 'revocationEndpoint'] as const).flatMap((option) =>
      [
        ['as.example/token', 'must be an absolute URL'],
        ['/token', 'must be an absolute URL'],
        ['', 'must be an absolute URL'],
        [null, 'must be an absolute URL'],
        [new URL('https://as.example'), 'must be a string, not a URL object. Give its `href`.'],
        [
          'https://as.example/token\n',
          'of printable ASCII characters. Is the environment variable set, without a line break?',
        ],
        [' https://as.example/token', 'of printable ASCII characters'],
        ['https://äs.example/token', 'of printable ASCII characters'],
        [
          `https://orders:${SECRET}@as.example/token`,
          'must not hold a user name or password. Give the credentials as `clientId`',
        ],
        ['https://orders@as.example/token', 'must not hold a user name or password'],
        ['https://as.example/token#x', 'must not have a fragment'],
        ['https://as.example/token#', 'must not have a fragment'],
        ['ftp://as.example/token', 'must be an https URL, got ftp:'],
        ['http://as.example/token', 'must be an https URL. The client secret would cross the network in the clear.'],
        ['http://10.0.0.1/token', 'must be an https URL. The client secret would cross the network'],
        [
          'http://127.0.0.1/token',
          'must be an https URL. For tests against this machine set `allowInsecureLoopback: true`.',
        ],
      ].map(([value, words]) => [option, value, words] as [keyof ClientOptions, unknown, string]),
    ),
    ['issuer', 'https://as.example/?realm=a', 'must not have a query'],
    ['expectedIssuer', '', 'must be a non-empty string'],
    ['expectedIssuer', null, 'must be a non-empty string'],
    ['endpointOrigins', 'https://as.example', "must be a list of origins. Such as ['https://as.example']."],
    ['endpointOrigins', null, 'must be a list of origins'],
    ['endpointOrigins', ['as.example'], 'must be an absolute URL'],
    ['endpointOrigins', ['https://as.example/oauth'], "without path and query. Write 'https://as.example'."],
    ['endpointOrigins', ['https://as.example/?x'], "without path and query. Write 'https://as.example'."],
    ['endpointOrigins', ['http://as.example'], 'must be an https URL'],
    ...(['allowInsecureLoopback', 'keepWarm', 'requireScope', 'strictTokenType'] as const).flatMap((option) =>
      [
        ['true', 'must be true or false, got a value of type string'],
        [1, 'must be true or false, got 1'],
        [null, 'must be true or false, got null'],
      ].map(([value, words]) => [option, value, words] as [keyof ClientOptions, unknown, string]),
    ),
    ...(['defaultLifetimeMs', 'refreshWindowMs', 'safetyMarginMs', 'timeoutMs', 'attemptTimeoutMs'] as const).flatMap(
      (option) =>
        wrongDurations.map(
          (value) =>
            [option, value, 'must be a number of milliseconds from '] as [keyof ClientOptions, unknown, string],
        ),
    ),
    ['timeoutMs', 10 * MINUTE + 1, 'from 100 to 600000, got 600001'],
    ['timeoutMs', '5000', 'got a value of type string'],
    ...[0, 11, 1.5, Number.NaN, '3', null].map((value): [keyof ClientOptions, unknown, string] => [
      'maxAttempts',
      value,
      'must be a whole number from 1 to 10',
    ]),
    ['scope', 'a"b', 'has an illegal character in "a\\"b"'],
    ['resource', 'not a uri', 'must be an absolute URI'],
    ['audience', '', 'must be a non-empty string'],
    ['parameters', 'a=b', 'must be an object of strings'],
  ]

  it.each(cases)('is named in a TypeError that helps: %s = %o', (option, value, words) => {
    for (const at of ['', 'clients.orders.']) {
      const { message } = failureOf(() => read({ [option]: value }, at))
      expect(message.startsWith(`evertoken: option \`${at}${option}\` `)).toBe(true)
      expect(message).toContain(words)
      expect(message).not.toContain('Marker')
    }
  })

  it('is not shown where its text may be a secret in the wrong place', () => {
    // Scopes and resources are shown, because nobody can find a wrong character in a text that is hidden.
    const hidden = NAMES.filter((name) => !['clientId', 'clientSecret', 'scope', 'audience', 'resource'].includes(name))
    const refused = hidden.filter((option) => {
      try {
        read({ [option]: SECRET })
        return false
      } catch (error) {
        expect(String(error)).not.toContain('Marker')
        return true
      }
    })
    expect(refused).toHaveLength(26)
  })

  it('is one that misses: neither issuer nor token endpoint', () => {
    const { message } = failureOf(() =>
      readClientOptions({ clientId: 'a', clientSecret: SECRET }, 'orders', 'clients.orders.'),
    )
    expect(message).toContain(
      '`clients.orders.issuer` or `tokenEndpoint` must be given. Is the environment variable set?',
    )
  })

  it.each([
    ['client_secret', 'clientSecret'],
    ['client-id', 'clientId'],
    ['clientID', 'clientId'],
    ['ClientSecret', 'clientSecret'],
    ['token_endpoint', 'tokenEndpoint'],
    ['scopes', 'scope'],
    ['audiences', 'audience'],
    ['timeout', 'timeoutMs'],
    ['attemptTimeout', 'attemptTimeoutMs'],
    ['token_endpoint_url', 'tokenEndpoint'],
    ['issuerUrl', 'issuer'],
    ['cert', 'certificate'],
    ['tokenUrl', 'tokenEndpoint'],
    ['secret', 'clientSecret'],
    ['cliendId', 'clientId'],
    ['cilentSecret', 'clientSecret'],
    ['scop', 'scope'],
    ['isuer', 'issuer'],
    ['isssuer', 'issuer'],
    ['httpsAgent', 'transport'],
    ['retries', 'maxAttempts'],
  ])('is one that is only nearly called like that: %s, meant is %s', (name, meant) => {
    const { message } = failureOf(() => read({ [name]: SECRET }, 'clients.orders.'))
    expect(message).toBe(`evertoken: option \`clients.orders.${name}\` is not an option. Did you mean \`${meant}\`?`)
  })

  it.each(['x', 'verbose', 'cache', '__PROTO__', 'responseType', ''])('is one that nobody knows: %j', (name) => {
    expect(failureOf(() => read({ [name]: 1 })).message).toBe(`evertoken: option \`${name}\` is not an option`)
  })

  it.each([undefined, null, 'https://as.example', 5, [BASE]])(
    'is the whole of them when they are no object: %o',
    (given) => {
      expect(failureOf(() => readClientOptions(given, 'orders', '')).message).toBe(
        'evertoken: option `options` must be an object',
      )
      expect(failureOf(() => readClientOptions(given, 'orders', 'clients.orders.')).message).toBe(
        'evertoken: option `clients.orders` must be an object',
      )
    },
  )
})

describe('plain http', () => {
  it.each([
    'http://127.0.0.1:8080/token',
    'http://127.9.9.9/token',
    'http://[::1]:8080/token',
    'http://localhost/token',
    'http://LOCALHOST/token',
    'http://2130706433/token',
  ])('is allowed to this machine on demand: %s', (tokenEndpoint) => {
    expect(read({ tokenEndpoint, allowInsecureLoopback: true }).tokenEndpoint).toBe(tokenEndpoint)
  })

  it.each([
    'http://as.example/token',
    'http://127.0.0.1.example/token',
    'http://localhost.example/token',
    'http://128.0.0.1/token',
    'http://0.0.0.0/token',
    'http://[::2]/token',
  ])('is never allowed to another: %s', (tokenEndpoint) => {
    expect(failureOf(() => read({ tokenEndpoint, allowInsecureLoopback: true })).message).toContain(
      'must be an https URL',
    )
    expect(failureOf(() => read({ issuer: tokenEndpoint, allowInsecureLoopback: true })).message).toContain(
      'must be an https URL',
    )
  })
})

describe('client authentication', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)('is %s by name', (method) => {
    expect(read({ clientAuthentication: method }).authentication.method).toBe(method)
  })

  it('is what a factory returned', () => {
    const own = clientAuthentication('private_key_jwt', () => {})
    expect(read({ clientSecret: undefined, clientAuthentication: own }).authentication).toBe(own)
  })

  it.each([
    ['clientSecret', { clientSecret: SECRET }],
    ['basicEncoding', { clientSecret: undefined, basicEncoding: 'raw' }],
  ])('that a factory returned leaves nothing for %s to do', (option, given) => {
    const { message } = failureOf(() =>
      read({ ...given, clientAuthentication: clientAuthentication('x', () => {}) }, 'clients.orders.'),
    )
    expect(message).toBe(
      `evertoken: option \`clients.orders.${option}\` is not used with a \`clientAuthentication\` function. Give it to the factory.`,
    )
  })

  it.each([none, tlsClientAuth, privateKeyJwt])('is not a factory that nobody has called: %o', (factory) => {
    const { message } = failureOf(() => read({ clientSecret: undefined, clientAuthentication: factory as never }))
    expect(message).toContain('`clientAuthentication` must be what a factory returned. Call the factory')
  })

  it('by an unknown name is refused before the secret is missed', () => {
    const { message } = failureOf(() => read({ clientSecret: undefined, clientAuthentication: 'private_key_jwt' }))
    expect(message).toContain('`clientAuthentication`')
  })
})

describe('options are read', () => {
  it('once each, so that what was checked is what is used', () => {
    const reads = new Map<string, number>()
    const values: ClientOptions = {
      ...BASE,
      issuer: 'https://as.example',
      scope: 'a',
      parameters: { a: 'b' },
      timeoutMs: 5000,
    }
    const given = {}
    for (const name of NAMES) {
      Object.defineProperty(given, name, {
        enumerable: true,
        get: () => {
          reads.set(name, (reads.get(name) ?? 0) + 1)
          return values[name]
        },
      })
    }
    readClientOptions(given, 'orders', '')
    expect(Object.fromEntries(reads)).toEqual(Object.fromEntries(NAMES.map((name) => [name, 1])))
  })

  it('from the object itself, never from what it inherits', () => {
    const { clientSecret, ...rest } = BASE
    const given = Object.assign(Object.create({ clientSecret }), rest)
    expect(failureOf(() => readClientOptions(given, 'orders', '')).message).toContain('`clientSecret` is missing')
  })

  it('without regard to what somebody has put on Object.prototype', () => {
    const polluted: Partial<Record<keyof ClientOptions, unknown>> = {
      clientSecret: 'theirs',
      transport: () => expect.fail('sent to theirs'),
      proxy: 'http://theirs.example',
      allowInsecureLoopback: true,
      scope: 'admin',
      parameters: { theirs: '1' },
      endpointOrigins: ['https://theirs.example'],
      expectedIssuer: 'https://theirs.example',
      basicEncoding: 'raw',
      maxAttempts: 10,
    }
    const clean = inspect(read({}), { depth: null })
    try {
      for (const [name, value] of Object.entries(polluted)) {
        Object.defineProperty(Object.prototype, name, { value, enumerable: true, configurable: true, writable: true })
      }
      const { clientSecret: _, ...withoutSecret } = BASE
      expect(inspect(readClientOptions({ ...BASE }, 'orders', ''), { depth: null })).toBe(clean)
      expect(failureOf(() => readClientOptions(withoutSecret, 'orders', '')).message).toContain(
        '`clientSecret` is missing',
      )
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it('and then left alone: a later change of the object changes nothing', () => {
    const endpointOrigins = ['https://a.example']
    const scope = ['a']
    const settings = read({ endpointOrigins, scope })
    endpointOrigins.push('https://b.example')
    scope.push('b')
    expect(settings.endpointOrigins).toEqual(['https://a.example'])
    expect(settings.parameters.scope).toEqual(['a'])
  })
})

describe('ownOptions', () => {
  it('takes any names when none are given', () => {
    expect({ ...ownOptions<object>({ anything: 1 }, 'clients.') }).toEqual({ anything: 1 })
  })

  it('gives an object that inherits nothing', () => {
    const own = ownOptions<object>({}, '')
    for (const name of ['constructor', 'toString', '__proto__']) expect(name in own).toBe(false)
    Object.assign(Object.prototype, { inherited: true })
    try {
      expect('inherited' in own).toBe(false)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'inherited')
    }
  })
})

describe('settings', () => {
  it('show no secret', () => {
    for (const clientAuthentication of [undefined, 'client_secret_basic', 'client_secret_post'] as const) {
      const settings = read({ clientAuthentication })
      expect(inspect(settings, { showHidden: true, depth: null, getters: true })).not.toContain('Marker')
      expect(JSON.stringify(settings)).not.toContain('Marker')
    }
  })
})
