import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { Dpop } from '../../src/dpop.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { type AccessToken, clientCertificate, systemClock, TokenManager } from '../../src/index.ts'
import { importSigningKey } from '../../src/jws.ts'
import { startApi, startAuthorizationServer, TestAuthority, VirtualClock } from '../../src/testing/index.ts'
import { exchange } from './raw-http.ts'

const JWK = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const newJwk = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
const newDpop = () =>
  new Dpop(
    importSigningKey(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      'ES256',
      (problem) => new Error(problem),
    ),
    false,
  )

describe('an API for tests', () => {
  it('lets in live tokens of its server only, and says why not', async () => {
    const clock = new VirtualClock()
    await using server = await startAuthorizationServer({ clock })
    await using other = await startAuthorizationServer()
    await using api = await startApi({ server, scope: 'a b' })
    const revoked = server.issueToken({ scope: 'a b' })
    server.revoke(revoked)
    const cases: [string | undefined, number, string | null][] = [
      [server.issueToken({ scope: 'b c a' }), 200, null],
      [undefined, 401, 'Bearer realm="test"'],
      [other.issueToken({ scope: 'a b' }), 401, 'Bearer error="invalid_token", error_description="unknown"'],
      [revoked, 401, 'Bearer error="invalid_token", error_description="revoked"'],
      [
        server.issueToken({ scope: 'a b', lifetimeMs: 0 }),
        401,
        'Bearer error="invalid_token", error_description="expired"',
      ],
      [server.issueToken({ scope: 'a' }), 403, 'Bearer error="insufficient_scope", scope="a b"'],
    ]
    for (const [token, status, challenge] of cases) {
      const answer = await fetch(api.origin, token === undefined ? {} : bearer(token))
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([status, challenge])
    }
    expect(api.refusals).toEqual({ 'no token': 1, unknown: 1, revoked: 1, expired: 1, scope: 1 })
    expect([api.accepted, api.received]).toEqual([1, 6])
    expect(api.requests.map(({ refusal }) => refusal)).toEqual([
      undefined,
      'no token',
      'unknown',
      'revoked',
      'expired',
      'scope',
    ])
  })

  it('refuses every token once all are revoked', async () => {
    await using server = await startAuthorizationServer()
    await using api = await startApi({ server })
    const token = server.issueToken()
    server.revoke()
    server.revoke()
    expect(server.counts.revoked).toBe(1)
    expect((await fetch(api.origin, bearer(token))).status).toBe(401)
    expect((await fetch(api.origin, bearer(server.issueToken()))).status).toBe(200)
  })

  it('answers as it is told to, and wrongly when it is told that', async () => {
    await using server = await startAuthorizationServer()
    await using api = await startApi({
      server,
      respond: ({ url, method, body }) => ({ status: 201, headers: { 'x-a': 'b' }, body: { url, method, body } }),
    })
    api.next({ kind: 'status', status: 503 })
    const post = () =>
      fetch(`${api.origin}/orders?a=1`, { ...bearer(server.issueToken()), method: 'POST', body: 'text' })
    expect((await post()).status).toBe(503)
    const answer = await post()
    expect([answer.status, answer.headers.get('x-a')]).toEqual([201, 'b'])
    expect(await answer.json()).toEqual({ url: '/orders?a=1', method: 'POST', body: 'text' })
    expect([api.accepted, api.faults]).toEqual([1, { status: 1 }])
  })

  it('takes part in a rotation: revoked tokens cost one request more, and nothing else', async () => {
    await using server = await startAuthorizationServer()
    await using api = await startApi({ server })
    const tokens = new TokenManager(server.clientOptions())
    const call = createTokenFetch(tokens, { origins: [api.origin] })
    expect((await call(api.origin)).status).toBe(200)
    server.revoke()
    expect((await call(api.origin)).status).toBe(200)
    expect([api.accepted, api.refusals, server.counts.issued]).toEqual([2, { revoked: 1 }, 2])
    await tokens.close()
  })
})

describe('DPoP', () => {
  it.each([false, true])('binds tokens to a key, with nonces at both servers: %s', async (dpopNonce) => {
    await using server = await startAuthorizationServer({ dpopNonce })
    await using api = await startApi({ server, dpopNonce })
    const tokens = new TokenManager({ ...server.clientOptions(), dpop: true })
    const call = createTokenFetch(tokens, { origins: [api.origin] })
    const statuses = [(await call(api.origin)).status]
    api.rotateDpopNonce()
    server.rotateDpopNonce()
    tokens.invalidateAll()
    statuses.push((await call(`${api.origin}/a?b`, { method: 'POST' })).status)
    expect(statuses).toEqual([200, 200])
    expect(server.counts).toMatchObject({ issued: 2, refused: dpopNonce ? 2 : 1 })
    expect(api.refusals).toEqual({ nonce: dpopNonce ? 2 : 1 })
    await tokens.close()
  })

  it('is checked by the API', async () => {
    await using server = await startAuthorizationServer()
    await using api = await startApi({ server })
    const [mine, theirs] = [newDpop(), newDpop()]
    const tokens = new TokenManager({ ...server.clientOptions(), dpop: true })
    const bound = await tokens.getToken()
    const text = bound.reveal()
    const now = Date.now()
    const url = `${api.origin}/a`
    const send = async (proof: string | undefined, scheme = 'DPoP') => {
      const headers = { authorization: `${scheme} ${text}`, ...(proof && { dpop: proof }) }
      await fetch(`${url}?b`, { headers })
      return api.requests.at(-1)?.refusal
    }
    const proof = (dpop: Dpop, request: Partial<Parameters<Dpop['proof']>[0]> = {}, at = now) =>
      dpop.proof({ method: 'GET', url, token: bound as AccessToken, ...request }, at)
    const used = proof(mine)
    const refusals = [
      await send(used),
      await send(used),
      await send(proof(theirs, { method: 'POST' })),
      await send(proof(theirs, { url: `${api.origin}/c` })),
      await send(proof(theirs, { token: undefined })),
      await send(proof(theirs, {}, now - 120_000)),
      await send(`${proof(theirs).slice(0, -4)}AAAA`),
      await send('no proof'),
      await send(undefined),
      await send(undefined, 'Bearer'),
    ]
    expect(refusals).toEqual([
      'binding',
      'proof',
      'proof',
      'proof',
      'proof',
      'proof',
      'proof',
      'proof',
      'proof',
      'binding',
    ])
    await tokens.close()
  })

  it('says which scope a bound token needs', async () => {
    await using server = await startAuthorizationServer({ clients: { orders: 's' } })
    await using api = await startApi({ server, scope: 'orders.write' })
    const tokens = new TokenManager({ ...server.clientOptions(), dpop: true })
    const answer = await createTokenFetch(tokens, { origins: [api.origin] })(api.origin)
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toBe('DPoP error="insufficient_scope", scope="orders.write"')
    await tokens.close()
  })

  it.each<[string, { typ?: string; jwk?: object; jti?: undefined }, string | undefined]>([
    ['a proof', {}, undefined],
    ['a JWT of another type', { typ: 'JWT' }, 'invalid_dpop_proof'],
    ['one that gives its private key away', { jwk: JWK.privateKey.export({ format: 'jwk' }) }, 'invalid_dpop_proof'],
    ['one with the key of somebody else', { jwk: newJwk() }, 'invalid_dpop_proof'],
    ['one that cannot be told from others', { jti: undefined }, 'invalid_dpop_proof'],
  ])('takes from a client: %s', async (_, changes, error) => {
    await using server = await startAuthorizationServer({ clients: { orders: 's' } })
    const { jti, ...header } = { jti: 'a', ...changes }
    const own = { alg: 'ES256', typ: 'dpop+jwt', jwk: JWK.publicKey.export({ format: 'jwk' }), ...header }
    const dpop = await new SignJWT({
      htm: 'POST',
      htu: server.tokenEndpoint,
      ...(jti !== undefined && { jti }),
      iat: Math.floor(Date.now() / 1000),
    })
      .setProtectedHeader(own as never)
      .sign(JWK.privateKey)
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'orders', client_secret: 's' })
    const answer = await fetch(server.tokenEndpoint, { method: 'POST', headers: { dpop }, body })
    expect(((await answer.json()) as { error?: string }).error).toBe(error)
  })
})

describe('a clock that is wrong by an hour', () => {
  const hourAhead = { ...systemClock, now: () => Date.now() + 3_600_000 }

  it.each<[string, boolean, string | undefined]>([
    ['makes proofs that are refused', false, 'invalid_dpop_proof'],
    ['does no harm where a nonce tells the time', true, undefined],
  ])('%s', async (_, dpopNonce, error) => {
    await using server = await startAuthorizationServer({ dpopNonce })
    const tokens = new TokenManager({ ...server.clientOptions(), dpop: true, clock: hourAhead })
    const outcome = await tokens.getToken().catch((refusal: unknown) => refusal)
    expect((outcome as { error?: string }).error).toBe(error)
    await tokens.close()
  })
})

describe('mutual TLS', () => {
  it('binds tokens to a certificate', async () => {
    const authority = new TestAuthority()
    await using server = await startAuthorizationServer({ tls: authority })
    await using api = await startApi({ server, tls: authority })
    const { cert, key } = authority.issue({ names: ['orders'] })
    const tokens = new TokenManager({ ...server.clientOptions(), certificate: clientCertificate({ cert, key }) })
    const token = await tokens.getAccessToken()
    expect(server.findToken(token)?.certificate).toMatch(/^[\w-]{43}$/)
    expect(server.requests.at(-1)?.certificate).toBe(server.findToken(token)?.certificate)
    const seen = await exchange(api.origin, { path: '/', headers: bearer(token).headers }, authority.cert)
    expect([seen.status, api.requests[0]?.refusal]).toEqual([401, 'binding'])
    await tokens.close()
  })
})
