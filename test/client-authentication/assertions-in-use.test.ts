import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as jose from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import {
  type ClientAuthentication,
  type ClientOptions,
  type GetTokenOptions,
  jwtBearer,
  privateKeyJwt,
  secretFromFile,
  type TokenEvents,
  workloadIdentity,
} from '../../src/index.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { managed } from '../support/managed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const folder = mkdtempSync(join(tmpdir(), 'evertoken-in-use-'))
afterAll(() => rmSync(folder, { recursive: true }))

function newJwk(kid: string): JsonWebKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), kid }
}

const OLD: JsonWebKey = newJwk('old')
const NEW: JsonWebKey = newJwk('new')

function managedBy(clientAuthentication: ClientAuthentication, options: Partial<ClientOptions> = {}) {
  return managed({ clientSecret: undefined, clientAuthentication, maxAttempts: 3, ...options })
}

/** A client at a server that accepts some credentials only, judged by what `credentialOf` finds in the form. */
function atChoosyServer(
  options: Partial<ClientOptions>,
  credentialOf: (form: URLSearchParams) => unknown,
  accepted: Set<unknown>,
) {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  server.expiresIn = 60
  const transport: ClientOptions['transport'] = async (url, init) => {
    if (!accepted.has(credentialOf(new URLSearchParams(init.body ?? '')))) {
      server.script.unshift({ status: 401, body: { error: 'invalid_client' } })
    }
    return await server.fetch(url, init)
  }
  return { ...managed({ clientSecret: undefined, ...options, transport }, clock), server }
}

const assertionsAt = (server: AuthorizationServer) =>
  server.requests.map(({ form }) => form.get('client_assertion') ?? '')
const kidOf = (form: URLSearchParams) => jose.decodeProtectedHeader(form.get('client_assertion') ?? '').kid

describe('assertions', () => {
  it('Q12: are new for each of the three attempts of one token request', async () => {
    const { tokens, server, clock } = managedBy(privateKeyJwt({ key: OLD }))
    server.byDefault = { status: 503 }
    const request = tokens.getToken().catch((error) => error)
    await clock.advance(15_000)
    expect(await request).toMatchObject({ code: 'server_unavailable' })
    const claims = assertionsAt(server).map((assertion) => jose.decodeJwt(assertion))
    expect(new Set(claims.map(({ jti }) => jti)).size).toBe(3)
    // Each from its own time.
    expect(claims.map(({ iat }) => iat)).toEqual(server.requests.map(({ at }) => Math.floor(at / 1000)))
  })

  it('Q5, Q7: are the only thing that authenticates a request, and not in its URL', async () => {
    const { tokens, server } = managedBy(privateKeyJwt({ key: OLD }))
    await tokens.getToken()
    const [request] = server.requests
    expect(request?.headers).not.toHaveProperty('authorization')
    expect(request?.url).toBe('https://auth.example.com/oauth2/token')
    expect(request?.form.has('client_secret')).toBe(false)
    const key = await jose.importJWK(
      createPublicKey({ key: OLD, format: 'jwk' }).export({ format: 'jwk' }) as jose.JWK,
      'ES256',
    )
    const options = { currentDate: new Date(request?.at ?? 0) }
    await jose.jwtVerify(request?.form.get('client_assertion') ?? '', key, options)
  })

  it('Q13: are for the issuer that the metadata names, where the client expects another than it asked', async () => {
    const issuers = { issuer: 'https://auth.example.com/common', expectedIssuer: 'https://auth.example.com/t1' }
    const { tokens, server } = managedBy(privateKeyJwt({ key: OLD }), { ...issuers, tokenEndpoint: undefined })
    server.script.push({ body: { issuer: issuers.expectedIssuer, token_endpoint: 'https://auth.example.com/token' } })
    await tokens.getToken()
    expect(jose.decodeJwt(assertionsAt(server).at(-1) ?? '').aud).toBe(issuers.expectedIssuer)
  })

  it('F8: are signed by the client’s own choice, whatever the metadata offers', async () => {
    const issuer = 'https://auth.example.com'
    const { tokens, server } = managedBy(privateKeyJwt({ key: OLD }), { issuer, tokenEndpoint: undefined })
    const offers = { token_endpoint_auth_signing_alg_values_supported: ['none', 'HS256', 'RS256'] }
    const methods = { token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'private_key_jwt'] }
    server.script.push({ body: { issuer, token_endpoint: `${issuer}/token`, ...offers, ...methods } })
    await tokens.getToken()
    expect(jose.decodeProtectedHeader(assertionsAt(server).at(-1) ?? '').alg).toBe('ES256')
  })

  it('authenticate the revocation of a token too', async () => {
    const { tokens, server } = managedBy(privateKeyJwt({ key: OLD }), {
      revocationEndpoint: 'https://auth.example.com/revoke',
    })
    await tokens.getToken()
    await tokens.close({ revoke: true })
    const [first, second] = assertionsAt(server).map((assertion) => jose.decodeJwt(assertion).jti)
    expect(server.requests.map(({ url }) => url.split('/').at(-1))).toEqual(['token', 'revoke'])
    expect(second).not.toBe(first)
  })

  it('are sent as configured though the metadata does not list them, and a refusal says what it lists', async () => {
    const issuer = 'https://auth.example.com'
    const { tokens, server } = managedBy(privateKeyJwt({ key: OLD }), { issuer, tokenEndpoint: undefined })
    const methods = { token_endpoint_auth_methods_supported: ['client_secret_post', 'tls_client_auth'] }
    server.script.push({ body: { issuer, token_endpoint: `${issuer}/token`, ...methods } })
    await tokens.getToken()
    expect(assertionsAt(server).at(-1)).not.toBe('')
    server.byDefault = { status: 401, body: { error: 'invalid_client' } }
    const error = await tokens.getToken({ scope: 'other' }).catch((reason) => reason)
    expect(error.hint).toContain('lists client_secret_post, tls_client_auth, and not private_key_jwt')
  })

  it('that a key service does not sign in time end the attempt, and the next one asks again', async () => {
    let asked = 0
    const sign = () => {
      asked += 1
      return new Promise<Uint8Array>(() => {})
    }
    const { tokens, clock } = managedBy(privateKeyJwt({ sign, algorithm: 'ES256' }), { attemptTimeoutMs: 1000 })
    const request = tokens.getToken().catch((error) => error)
    await clock.advance(15_000)
    expect(await request).toMatchObject({ code: 'timeout' })
    expect(asked).toBe(3)
  })
})

describe('a key that is rotated', () => {
  /** Asks for a token every second for ten minutes, of tokens that live one; what happens then happens in between. */
  async function tenMinutes(
    { tokens, clock }: Pick<ReturnType<typeof managed>, 'tokens' | 'clock'>,
    events: Readonly<Record<number, () => void>>,
    // Reading a file takes real time, which no refresh in the background has when the clock is moved.
    how: GetTokenOptions = {},
  ) {
    const failures: unknown[] = []
    tokens.on('tokenRequestFailed', ({ error }) => failures.push(error))
    for (let second = 0; second < 600; second++) {
      events[second]?.()
      await tokens.getToken(how).catch((error) => failures.push(error))
      await clock.advance(1000)
    }
    return failures
  }

  it('fails no request when the server knows both for a while', async () => {
    let key = OLD
    const accepted = new Set<unknown>(['old'])
    const setup = atChoosyServer({ clientAuthentication: privateKeyJwt({ key: () => key }) }, kidOf, accepted)
    const failures = await tenMinutes(setup, {
      150: () => accepted.add('new'),
      250: () => {
        key = NEW
      },
      350: () => accepted.delete('old'),
    })
    expect(failures).toEqual([])
    const used = setup.server.requests.map(({ form }) => kidOf(form))
    expect(new Set(used)).toEqual(new Set(['old', 'new']))
    expect(used).toEqual(used.toSorted().toReversed())
  })

  it('fails no request either when it is a secret in a file', async () => {
    const file = join(folder, 'secret')
    writeFileSync(file, 'old\n')
    const accepted = new Set<unknown>(['old'])
    const options = { clientSecret: secretFromFile(file), clientAuthentication: 'client_secret_post' } as const
    const setup = atChoosyServer(options, (form) => form.get('client_secret'), accepted)
    const failures = await tenMinutes(
      setup,
      {
        150: () => accepted.add('new'),
        250: () => writeFileSync(file, 'new\n'),
        350: () => accepted.delete('old'),
      },
      { forceRefresh: true },
    )
    expect(failures).toEqual([])
    expect(setup.server.requests.at(-1)?.form.get('client_secret')).toBe('new')
  })

  it('fails no request either when it is the platform’s assertion', async () => {
    const file = join(folder, 'assertion')
    const jwtOf = (sub: string) =>
      `${jose.base64url.encode('{}')}.${jose.base64url.encode(JSON.stringify({ sub }))}.c2ln`
    writeFileSync(file, jwtOf('old'))
    const accepted = new Set<unknown>(['old'])
    const subjectOf = (form: URLSearchParams) => jose.decodeJwt(form.get('client_assertion') ?? '').sub
    const setup = atChoosyServer({ clientAuthentication: workloadIdentity({ file }) }, subjectOf, accepted)
    const failures = await tenMinutes(
      setup,
      {
        150: () => accepted.add('new'),
        250: () => writeFileSync(file, jwtOf('new')),
        350: () => accepted.delete('old'),
      },
      { forceRefresh: true },
    )
    expect(failures).toEqual([])
  })

  it('ends a refusal of the old one that is remembered', async () => {
    let key = OLD
    const { tokens, clock, server } = atChoosyServer(
      { clientAuthentication: privateKeyJwt({ key: () => key }) },
      kidOf,
      new Set(['new']),
    )
    for (let failure = 0; failure < 5; failure++) {
      await expect(tokens.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
      await clock.advance(60_000)
    }
    await expect(tokens.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
    const before = server.requests.length
    await clock.advance(1000)
    await expect(tokens.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
    // Remembered: the server was not asked.
    expect(server.requests.length).toBe(before)
    key = NEW
    await clock.advance(1000)
    expect((await tokens.getToken()).reveal()).toBe('token-1')
  })

  it('and cannot be read leaves the token in use while it is valid', async () => {
    let isSealed = false
    const key = async () => {
      if (isSealed) throw new Error('vault is sealed')
      return OLD
    }
    const { tokens, clock, server } = managedBy(privateKeyJwt({ key }))
    const failed: TokenEvents['tokenRequestFailed'][] = []
    tokens.on('tokenRequestFailed', (event) => failed.push(event))
    await tokens.getToken()
    isSealed = true
    await clock.advance(3000_000)
    expect((await tokens.getToken()).reveal()).toBe('token-1')
    await clock.settle()
    expect(failed).toMatchObject([{ tokenStillValid: true, error: { code: 'secret_unavailable' } }])
    isSealed = false
    await clock.advance(300_000)
    await tokens.getToken()
    await clock.settle()
    expect((await tokens.getToken()).reveal()).toBe('token-2')
    expect(server.requests).toHaveLength(2)
  })
})

describe('a key that expires', () => {
  it('is told of with the token requests that use it, once a day', async () => {
    const clock = new VirtualClock()
    const expiresAt = clock.now() + 10 * 24 * 3_600_000
    const { tokens } = managedBy(privateKeyJwt({ key: OLD, expiresAt }), {
      transport: new AuthorizationServer(clock).fetch,
    })
    const told: TokenEvents['credentialExpiring'][] = []
    tokens.on('credentialExpiring', (event) => told.push(event))
    await tokens.getToken()
    await tokens.getToken({ scope: 'other' })
    expect(told).toEqual([{ client: 'default', what: 'key', expiresAt }])
  })

  it('is told of if it signs the grant, beside another that authenticates', async () => {
    const clock = new VirtualClock()
    const expiresAt = clock.now() + 10 * 24 * 3_600_000
    const { tokens } = managedBy(privateKeyJwt({ key: OLD }), {
      grant: jwtBearer({ key: NEW, expiresAt }),
      transport: new AuthorizationServer(clock).fetch,
    })
    const told: unknown[] = []
    tokens.on('credentialExpiring', (event) => told.push(event))
    await tokens.getToken()
    expect(told).toEqual([{ client: 'default', what: 'key', expiresAt }])
  })
})
