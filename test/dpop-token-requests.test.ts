import { inspect } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../src/client-options.ts'
import { TokenError, TokenResponseError } from '../src/errors.ts'
import { TokenManager, type TokenManagerSettings } from '../src/token-manager.ts'
import { AuthorizationServer, type ScriptedAnswer } from './support/authorization-server.ts'
import { verifiedProof } from './support/dpop-proof.ts'
import { clientOf, managed as managedBy } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const TOKEN_ENDPOINT = 'https://auth.example.com/oauth2/token'

/** A manager of a client with `dpop`, and a server that gives it what it wants. */
function managed(options: Partial<ClientOptions & TokenManagerSettings> = {}, clock = new VirtualClock()) {
  const all = managedBy({ dpop: true, ...options }, clock)
  all.server.byDefault = bound(all.server)
  return all
}

/** A token that is bound to the key, and perhaps a nonce for the next proof. */
function bound(server: AuthorizationServer, nonce?: string): ScriptedAnswer {
  const body = server.token({ token_type: 'DPoP' })
  return nonce === undefined ? { body } : { body, headers: { 'dpop-nonce': nonce } }
}

const challenge = (nonce?: string, status = 400): ScriptedAnswer => ({
  status,
  body: { error: 'use_dpop_nonce', error_description: 'Authorization server requires nonce in DPoP proof' },
  headers: nonce === undefined ? {} : { 'DPoP-Nonce': nonce },
})

const proofsOf = (server: AuthorizationServer) =>
  Promise.all(server.requests.map(({ headers }) => verifiedProof(headers.dpop)))

const noncesOf = async (server: AuthorizationServer) => (await proofsOf(server)).map(({ claims }) => claims.nonce)

async function failureOf(work: Promise<unknown>): Promise<TokenError> {
  try {
    await work
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  return expect.fail('a token was received')
}

describe('a token request of a client with `dpop`', () => {
  it('D5: has a proof for the endpoint, without a token hash, made now', async () => {
    const { server, tokens, clock } = managed({ tokenEndpoint: `${TOKEN_ENDPOINT}?tenant=1` })
    await clock.advance(5_400)
    await tokens.getToken()
    expect(server.requests).toHaveLength(1)
    const [proof] = await proofsOf(server)
    expect(proof?.header).toMatchObject({ typ: 'dpop+jwt', alg: 'ES256' })
    const iat = Math.floor(clock.now() / 1000)
    expect(proof?.claims).toEqual({ jti: expect.any(String), htm: 'POST', htu: TOKEN_ENDPOINT, iat })
  })

  it('D6: gives a token that is sent as DPoP', async () => {
    const { tokens, server } = managed()
    server.byDefault = { body: { access_token: 'abc', token_type: 'dPoP', expires_in: 60 } }
    expect(await tokens.getToken()).toMatchObject({ tokenType: 'DPoP' })
  })

  it('D4: has a proof and an assertion of its own in each of three attempts', async () => {
    let assertions = 0
    const { server, tokens, clock } = managed({
      clientSecret: undefined,
      clientAuthentication: Object.assign(
        ({ body }: { body: URLSearchParams }) => {
          assertions += 1
          body.set('client_assertion', `assertion-${assertions}`)
        },
        { method: 'private_key_jwt' },
      ),
    })
    server.script.push({ status: 503 }, { refuse: true })
    const token = tokens.getToken()
    await clock.advance(10_000)
    await token
    const proofs = await proofsOf(server)
    expect(new Set(proofs.map(({ claims }) => claims.jti)).size).toBe(3)
    expect(new Set(server.requests.map(({ form }) => form.get('client_assertion'))).size).toBe(3)
    // One key for all of them.
    expect(new Set(proofs.map(({ header }) => JSON.stringify(header.jwk))).size).toBe(1)
  })

  it('D2: names what `buildRequest` has made of method and URL', async () => {
    const { server, tokens } = managed({
      buildRequest: ({ headers, url }) => {
        expect(headers).not.toHaveProperty('dpop')
        return { method: 'GET', url: `${url}/own?a=1` }
      },
    })
    await tokens.getToken()
    const [proof] = await proofsOf(server)
    expect(proof?.claims).toMatchObject({ htm: 'GET', htu: `${TOKEN_ENDPOINT}/own` })
  })

  it('D1: of a client without `dpop` has none', async () => {
    const { server, tokens } = managedBy()
    await tokens.getToken()
    expect(server.requests[0]?.headers).not.toHaveProperty('dpop')
  })

  it('D11: revokes without one', async () => {
    const { server, tokens } = managed({ revocationEndpoint: 'https://auth.example.com/revoke' })
    await tokens.getToken()
    await tokens.close({ revoke: true })
    expect(server.requests.map(({ url, headers }) => [url, 'dpop' in headers])).toEqual([
      [TOKEN_ENDPOINT, true],
      ['https://auth.example.com/revoke', false],
    ])
  })
})

describe('the nonce of the authorization server', () => {
  it.each([400, 401])('D7: is answered with one more request, in the same attempt: HTTP %i', async (status) => {
    const { server, tokens, clock } = managed({ maxAttempts: 1 })
    const retried: unknown[] = []
    tokens.on('tokenRequestRetried', (event) => retried.push(event))
    server.script.push(challenge('nonce-1', status))
    const before = clock.now()
    await tokens.getToken()
    expect(clock.now()).toBe(before)
    expect(await noncesOf(server)).toEqual([undefined, 'nonce-1'])
    const [first, second] = await proofsOf(server)
    expect(second?.claims.jti).not.toBe(first?.claims.jti)
    expect(retried).toEqual([])
  })

  it('D7: costs one request more once, not with every token', async () => {
    const { server, tokens } = managed()
    server.script.push(challenge('nonce-1'))
    for (let round = 0; round < 4; round += 1) await tokens.getToken({ forceRefresh: true })
    expect(await noncesOf(server)).toEqual([undefined, 'nonce-1', 'nonce-1', 'nonce-1', 'nonce-1'])
  })

  it('D7: is answered again when the one we have is too old', async () => {
    const { server, tokens } = managed()
    server.script.push(challenge('nonce-1'), bound(server), challenge('nonce-2'))
    await tokens.getToken()
    await tokens.getToken({ forceRefresh: true })
    expect(await noncesOf(server)).toEqual([undefined, 'nonce-1', 'nonce-1', 'nonce-2'])
  })

  it('D7: that is a new one every time ends the request, and is used by the next', async () => {
    const { server, tokens, clock } = managed()
    server.script.push(challenge('nonce-1'), challenge('nonce-2'))
    const error = await failureOf(tokens.getToken())
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ code: 'request_denied', error: 'use_dpop_nonce', retryable: false })
    expect(error.hint).toContain('another one each time')
    expect(server.requests).toHaveLength(2)
    await clock.advance(60_000)
    await tokens.getToken()
    expect(await noncesOf(server)).toEqual([undefined, 'nonce-1', 'nonce-2'])
  })

  it.each([
    ['missing', undefined],
    ['no nonce', 'a b'],
  ])('D7: that is asked for, and %s, ends the request', async (_, nonce) => {
    const { server, tokens } = managed()
    server.script.push(challenge(nonce))
    expect(await failureOf(tokens.getToken())).toMatchObject({ error: 'use_dpop_nonce' })
    expect(server.requests).toHaveLength(1)
  })

  it('D7: that was sent already and is asked for again ends the request', async () => {
    const { server, tokens } = managed()
    server.script.push(challenge('nonce-1'), challenge('nonce-1'))
    expect(await failureOf(tokens.getToken())).toMatchObject({ error: 'use_dpop_nonce' })
    expect(server.requests).toHaveLength(2)
  })

  it('D7: is not obeyed by a client without `dpop`, which is told what to do', async () => {
    const { server, tokens } = managedBy()
    server.script.push(challenge('nonce-1'))
    const error = await failureOf(tokens.getToken())
    expect(error.hint).toContain('`dpop: true`')
    expect(server.requests).toHaveLength(1)
  })

  it('D8: is taken from successes, so that a server with a new one each time costs nothing', async () => {
    const { server, tokens } = managed()
    server.script.push(bound(server, 'nonce-1'), bound(server, 'nonce-2'), bound(server), bound(server, 'nonce-3'))
    for (let round = 0; round < 5; round += 1) await tokens.getToken({ forceRefresh: true })
    expect(await noncesOf(server)).toEqual([undefined, 'nonce-1', 'nonce-2', 'nonce-2', 'nonce-3'])
  })

  it('D8: is taken from failures and from the answer to the repeated request too', async () => {
    const { server, tokens, clock } = managed()
    server.script.push({ status: 503, headers: { 'dpop-nonce': 'nonce-1' } })
    server.script.push(challenge('nonce-2'), bound(server, 'nonce-3'))
    const token = tokens.getToken()
    await clock.advance(10_000)
    await token
    await tokens.getToken({ forceRefresh: true })
    expect(await noncesOf(server)).toEqual([undefined, 'nonce-1', 'nonce-2', 'nonce-3'])
  })

  it('D12: lets a server take the proofs of a clock that is five minutes slow', async () => {
    const { server, tokens } = managed({}, new VirtualClock({ start: Date.UTC(2026, 0, 1) - 300_000 }))
    server.script.push(challenge('nonce-1'))
    await tokens.getToken()
    const [, proof] = await proofsOf(server)
    expect(proof?.claims).toMatchObject({ iat: Date.UTC(2026, 0, 1) / 1000 - 300, nonce: 'nonce-1' })
  })

  it('D12: of a server without nonces leaves the clock as the likely reason for a refusal', async () => {
    const { server, tokens } = managed()
    server.script.push({ status: 400, body: { error: 'invalid_dpop_proof' } })
    const error = await failureOf(tokens.getToken())
    expect(error).toMatchObject({ error: 'invalid_dpop_proof', retryable: false })
    expect(error.hint).toContain('clock')
  })
})

describe('a token of the wrong type', () => {
  it.each([
    ['Bearer', 'Bearer'],
    ['bearer', 'bearer'],
    ['none', undefined],
    ['nothing', ''],
    ['another', 'N_A'],
  ])('D5: is refused by a client with `dpop`: %s', async (_, type) => {
    const { server, tokens } = managed()
    server.byDefault = { body: server.token({ token_type: type }) }
    const error = await failureOf(tokens.getToken())
    expect(error).toMatchObject({ code: 'invalid_response', retryable: false })
    expect(error.hint).toContain("not bound the token to the client's key")
    expect(tokens.source().peek()).toBeUndefined()
    expect(inspect(error)).not.toMatch(/token-\d/)
  })

  it('D5: is that of DPoP for a client without `dpop`', async () => {
    const { server, tokens } = managedBy()
    server.byDefault = { body: server.token({ token_type: 'DPoP' }) }
    const error = await failureOf(tokens.getToken())
    expect(error).toMatchObject({ code: 'invalid_response' })
    expect(error.hint).toContain('`dpop: true`')
  })
})

describe('the key of a token', () => {
  it("D11: has the thumbprint of the client's key, so that no other key's token is served", async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    server.byDefault = bound(server)
    const keys = (options: Partial<ClientOptions>) => {
      const tokens = new TokenManager({ clock, ...clientOf(server, options) })
      return tokens.source().key()
    }
    expect(keys({ dpop: true })).not.toBe(keys({ dpop: true }))
    expect(keys({})).toBe(keys({ dpop: false }))
  })

  it('D11: is that of the key which the proofs show', async () => {
    const { server, tokens } = managed()
    await tokens.getToken()
    const [proof] = await proofsOf(server)
    const thumbprint = await calculateJwkThumbprint(proof?.header.jwk ?? {})
    // Every key begins with a digest of this.
    expect(tokens.source().context().keyPart).toContain(thumbprint)
  })
})

describe('the option `dpop`', () => {
  it.each<[string, Partial<ClientOptions>]>([
    ['parseResponse', { parseResponse: () => undefined }],
    [
      'dpop',
      {
        requestToken: () => ({ accessToken: 'abc' }),
        clientSecret: undefined,
        tokenEndpoint: undefined,
        transport: undefined,
      },
    ],
  ])('is refused where it could not be kept: %s', (option, options) => {
    expect(() => managed(options)).toThrow(new RegExp(`option \`${option}\` .*beside`))
  })
})
