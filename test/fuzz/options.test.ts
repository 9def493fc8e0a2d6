import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import axios from 'axios'
import {
  clientCertificate,
  clientCertificateFromFiles,
  clientSecretBasic,
  clientSecretJwt,
  clientSecretPost,
  jwtBearer,
  none,
  privateKeyJwt,
  secretFromFile,
  TokenError,
  TokenManager,
  tokenExchange,
  workloadIdentity,
} from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { createTokenFetch } from 'evertoken/fetch'
import * as providers from 'evertoken/providers'
import { RedisTokenStore } from 'evertoken/redis'
import { MemoryTokenStore } from 'evertoken/testing'
import { tokenInterceptor } from 'evertoken/undici'
import { describe, expect, it } from 'vitest'
import { fc } from '../support/fast-check.ts'
import { TestAuthority } from '../support/tls.ts'
import { expectKinds, expectNoSecret, fuzz, json, SECRET, text } from './fuzz.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
const PAIR = new TestAuthority().issue()
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const KEY = '0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0'

class Odd {
  readonly secret = SECRET
}

const circle: { self?: object } = {}
circle.self = circle

/** Values of every kind there is, those that are right at some option among them. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  json,
  fc.constantFrom<unknown>(
    ...[
      undefined,
      null,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -1,
      0,
      0.5,
      1,
      10,
      100,
      5000,
      1e9,
      2 ** 53,
      1n,
      Symbol('a'),
    ],
    ...[() => {}, async () => SECRET, () => Promise.reject(new Error(SECRET)), class {}, Odd, new Odd(), circle],
    ...[
      new Date(Number.NaN),
      new Map(),
      new Set(['a']),
      new URL('https://as.example/token'),
      new AbortController().signal,
    ],
    ...[
      Buffer.from(KEY, 'hex'),
      new Uint8Array(0),
      new Uint8Array(32),
      KEY,
      Buffer.from(KEY, 'hex').toString('base64'),
    ],
    ...[PEM, privateKey, createPublicKey(PEM), privateKey.export({ format: 'jwk' }), PEM.replaceAll('\n', '\\n')],
    ...[
      axios,
      axios.create(),
      fetch,
      none(),
      clientSecretPost('a'),
      privateKeyJwt({ key: privateKey }),
      tokenExchange(),
    ],
    ...[Object.create(null), Object.freeze([]), new Proxy({}, {}), new Error(SECRET), /a/, globalThis.structuredClone],
    ...[
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'form',
      'raw',
      'fapi2',
      'ES256',
      'RS256',
      'JWT',
    ],
    ...['refuse', 'omit', 'all', 'none', 'idempotent', true, false, 'https://auth.example.com', 'http://127.0.0.1:1'],
    ...[['https://api.example.com'], ['https://*.example.com'], [SECRET], [[]], [null], { type: 'a' }, [{ type: 'a' }]],
    ...[{ key: PEM }, { algorithm: 'ES256' }, { cert: PEM, key: PEM }, { url: 'http://127.0.0.1:1' }, { a: SECRET }],
  ),
)

const CLIENT = {
  ...{
    issuer: 'https://as.example',
    tokenEndpoint: 'https://as.example/token',
    clientId: 'orders',
    clientSecret: SECRET,
  },
}
const CLIENT_NAMES = [
  ...['issuer', 'tokenEndpoint', 'clientId', 'clientSecret', 'clientAuthentication', 'basicEncoding', 'grant', 'scope'],
  ...['resource', 'audience', 'parameters', 'authorizationDetails', 'expectedIssuer', 'endpointOrigins', 'proxy', 'ca'],
  ...[
    'allowInsecureLoopback',
    'defaultLifetimeMs',
    'refreshWindowMs',
    'safetyMarginMs',
    'timeoutMs',
    'attemptTimeoutMs',
  ],
  ...['maxAttempts', 'keepWarm', 'revocationEndpoint', 'requireScope', 'strictTokenType', 'dpop', 'credentialId'],
  ...['profile', 'transport', 'certificate', 'buildRequest', 'parseResponse', 'applyToken', 'requestToken'],
]
const MANAGER_NAMES = ['maxTokens', 'maxExchangedTokens', 'logger', 'store', 'clock', 'clients']
const PARAMETER_NAMES = ['scope', 'resource', 'audience', 'parameters', 'authorizationDetails', 'client']
const API_NAMES = [...PARAMETER_NAMES, 'origins', 'onOtherOrigin', 'replay', 'isTokenRejected']
const SIGNING_NAMES = ['key', 'sign', 'algorithm', 'keyId', 'certificate', 'expiresAt']
const ASSERTION_NAMES = ['audience', 'type', 'sendClientId']
const PROVIDER_NAMES = [
  ...CLIENT_NAMES,
  'domain',
  'region',
  'url',
  'realm',
  'tenant',
  'authority',
  'authorizationServer',
  'credentials',
  'subject',
]

const redis = { evalSha: async () => null, eval: async () => null }
const manager = () => new TokenManager(CLIENT)

// What is no option is named in the error.
const otherName = text.filter((name) => !name.includes(SECRET))

interface Target {
  readonly name: string
  readonly names: readonly string[]
  /** With which nothing is wrong. */
  readonly right: object
  readonly make: (options: never) => unknown
}

const TARGETS: readonly Target[] = [
  { name: 'TokenManager', names: [...CLIENT_NAMES, ...MANAGER_NAMES], right: CLIENT, make: (o) => new TokenManager(o) },
  { name: 'clients', names: CLIENT_NAMES, right: CLIENT, make: (o) => new TokenManager({ clients: { orders: o } }) },
  {
    ...{ name: 'clients as a function', names: CLIENT_NAMES, right: CLIENT },
    make: (o) => new TokenManager({ clients: (_: string) => o }).source({ client: 'orders' }),
  },
  { name: 'source', names: [...PARAMETER_NAMES, 'subjectToken'], right: {}, make: (o) => manager().source(o) },
  {
    name: 'attachTokenManager',
    names: API_NAMES,
    right: {},
    make: (o) => attachTokenManager(axios.create(), manager(), o),
  },
  {
    ...{ name: 'createTokenFetch', names: [...API_NAMES, 'fetch'], right: { origins: ['https://api.example.com'] } },
    make: (o) => createTokenFetch(manager(), o),
  },
  {
    ...{ name: 'tokenInterceptor', names: API_NAMES, right: { origins: ['https://api.example.com'] } },
    make: (o) => tokenInterceptor(manager(), o),
  },
  { name: 'privateKeyJwt', names: [...SIGNING_NAMES, ...ASSERTION_NAMES], right: { key: PEM }, make: privateKeyJwt },
  { name: 'clientSecretJwt', names: ASSERTION_NAMES, right: {}, make: (o) => clientSecretJwt(SECRET.repeat(3), o) },
  {
    ...{ name: 'jwtBearer', right: { key: PEM }, make: jwtBearer },
    names: [...SIGNING_NAMES, ...ASSERTION_NAMES, 'issuer', 'subject', 'lifetimeMs', 'scopeInClaims', 'claims'],
  },
  {
    ...{ name: 'tokenExchange', right: {}, make: tokenExchange },
    names: ['subjectTokenType', 'requestedTokenType', 'actorToken', 'actorTokenType'],
  },
  { name: 'workloadIdentity', names: ['file', 'assertion'], right: { file: '/a' }, make: workloadIdentity },
  {
    name: 'clientCertificate',
    names: ['cert', 'key', 'passphrase'],
    right: PAIR,
    make: clientCertificate,
  },
  {
    ...{ name: 'clientCertificateFromFiles', names: ['cert', 'key', 'passphrase'], right: { cert: '/a', key: '/b' } },
    make: clientCertificateFromFiles,
  },
  {
    ...{ name: 'RedisTokenStore', names: ['encryptionKeys', 'plaintext', 'prefix', 'timeoutMs'] },
    ...{ right: { encryptionKeys: KEY }, make: (o) => new RedisTokenStore(redis, o) },
  },
  ...Object.entries(providers as unknown as Record<string, (options: never) => unknown>).map(([name, make]) => ({
    ...{ name, names: PROVIDER_NAMES, make },
    right: {
      ...{ clientId: 'a', clientSecret: 'b', domain: 'as.example', url: 'https://as.example', realm: 'a', tenant: 'b' },
      ...{ resource: 'api://a', audience: 'c', scope: 'd', credentials: { client_email: 'a', private_key: RSA } },
    },
  })),
]

const single: readonly (readonly [name: string, call: (value: never) => unknown])[] = [
  ['TokenManager', (value) => new TokenManager(value)],
  ['attachTokenManager: instance', (value) => attachTokenManager(value, manager())],
  ['attachTokenManager: manager', (value) => attachTokenManager(axios.create(), value)],
  ['createTokenFetch: manager', (value) => createTokenFetch(value, { origins: ['https://a.example'] })],
  ['tokenInterceptor: manager', (value) => tokenInterceptor(value, { origins: ['https://a.example'] })],
  ['RedisTokenStore: client', (value) => new RedisTokenStore(value, { encryptionKeys: KEY })],
  ['MemoryTokenStore', (value) => new MemoryTokenStore(value)],
  ['clientSecretBasic', (value) => clientSecretBasic(value)],
  ['secretFromFile', (value) => secretFromFile(value)],
  ['on: event', (value) => manager().on(value, () => {})],
  ['on: listener', (value) => manager().on('tokenReceived', value)],
  ...TARGETS.map((target) => [target.name, target.make] as const),
]

function outcomeOf(make: () => unknown): 'accepted' | 'refused' {
  try {
    const made = make()
    // What is a promise is looked at by nobody here.
    if (made instanceof Promise) made.catch(() => {})
    return 'accepted'
  } catch (error) {
    if (!(error instanceof TokenError)) {
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toMatch(/^evertoken: /)
    }
    const { message } = error as Error
    // What is wrong about a scope, and the name of a client, are shown; they are no place for a secret.
    if (!/`(?:[\w.()"]*\.)?(?:scope|resource)`|^There is no client/.test(message)) expectNoSecret(error)
    expect(message.length).toBeLessThan(12_000)
    return 'refused'
  }
}

describe('whatever is given as an option', () => {
  it.each(TARGETS)('of $name is taken, or refused by an error that names it', async ({ name, names, right, make }) => {
    const wrong = fc.dictionary(fc.constantFrom(...names), anything, { minKeys: 1, maxKeys: 3 })
    const options = fc.oneof(
      { arbitrary: wrong.map((some) => ({ ...right, ...some })), weight: 4 },
      { arbitrary: wrong, weight: 1 },
      {
        arbitrary: fc.dictionary(otherName, anything, { maxKeys: 3 }).map((some) => ({ ...right, ...some })),
        weight: 1,
      },
    )
    const kinds = await fuzz(`options of ${name}`, options, (given) => outcomeOf(() => make(given as never)))
    expectKinds(kinds, 'refused')
  })

  it.each(single)('in place of the options or arguments of %s, too', async (name, call) => {
    await fuzz(`arguments of ${name}`, anything, (given) => outcomeOf(() => call(given as never)))
  })
})
