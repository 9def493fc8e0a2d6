import { createHash } from 'node:crypto'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { CLIENTS, managedWithDpop, proofsAt } from './http/dpop-clients.ts'
import { FOREIGN_REDIRECTS, FOREIGN_URLS, goElsewhere, leakedTo } from './http/other-origins.ts'
import { verifiedProof } from './support/dpop-proof.ts'
import { type ReceivedRequest, type Respond, startServer } from './support/http-server.ts'
import { managed } from './support/managed.ts'

const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url')

const nonceOf = ({ headers }: ReceivedRequest) => decodeJwt(String(headers.dpop)).nonce

/** Answers `done` to proofs with this nonce, and asks for it otherwise. */
const demanding =
  (nonce: () => string): Respond =>
  (response, request) => {
    if (nonceOf(request) === nonce()) response.end('done')
    else response.writeHead(401, challenge(nonce())).end('wants a nonce')
  }

const challenge = (nonce: string) => ({
  'www-authenticate': 'DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"',
  'dpop-nonce': nonce,
})

const INVALID = { 'www-authenticate': 'DPoP error="invalid_token", algs="ES256"' }

describe.each(CLIENTS)('a request by %s of a client with `dpop`', (name, connect) => {
  /** A client and its API. */
  async function world(respond: Respond = (response) => response.end('done'), setup = {}) {
    const api = await startServer(respond)
    const { tokens, server } = managedWithDpop()
    const heard: string[] = []
    for (const event of ['tokenRejected', 'requestReplayed'] as const) tokens.on(event, () => heard.push(event))
    const send = connect(tokens as never, { origins: [api.origin], ...setup })
    return { api, tokens, server, heard, send, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
  }

  it('D6: carries the token as DPoP, and one proof', async () => {
    await using one = await world()
    expect(await one.send(`${one.api.origin}/orders`, { headers: { dpop: 'mine' } })).toEqual({
      status: 200,
      body: 'done',
    })
    const [request] = one.api.requests
    expect(request?.headers.authorization).toBe('DPoP token-1')
    const { claims } = await verifiedProof(request?.headers.dpop)
    const made = { jti: expect.any(String), iat: expect.any(Number) }
    expect(claims).toEqual({ ...made, htm: 'GET', htu: `${one.api.origin}/orders`, ath: hashOf('token-1') })
  })

  it.each([
    ['GET', '/orders?page=2&q=%C3%A4'],
    ['POST', '/a/../orders'],
    ['PUT', '/%7Eme/ä'],
    ['DELETE', ''],
    ['PATCH', '//orders'],
  ])('D2: has a proof for method and URL, as they arrive: %s %s', async (method, path) => {
    await using one = await world()
    await one.send(`${one.api.origin}${path}`, { method, ...(method === 'GET' ? {} : { body: 'text' }) })
    const [request] = one.api.requests
    const [proof] = await proofsAt(one.api)
    const arrived = new URL(one.api.origin + request?.url)
    expect(proof?.claims).toMatchObject({ htm: request?.method, htu: arrived.origin + arrived.pathname })
    expect(request?.method).toBe(method)
  })

  it('D4: has a proof of its own each time, by the key that the token is bound to', async () => {
    await using one = await world()
    for (let count = 0; count < 3; count += 1) await one.send(one.api.origin)
    const proofs = await proofsAt(one.api)
    expect(new Set(proofs.map(({ claims }) => claims.jti)).size).toBe(3)
    const [atServer] = await Promise.all(one.server.requests.map(({ headers }) => verifiedProof(headers.dpop)))
    for (const { header } of proofs) expect(header.jwk).toEqual(atServer?.header.jwk)
    expect(one.server.requests).toHaveLength(1)
  })

  it('D9: is sent once more with the nonce that the API wants, the same token and a new proof; once, not each time', async () => {
    await using one = await world(demanding(() => 'nonce-1'))
    for (let count = 0; count < 5; count += 1)
      expect((await one.send(one.api.origin, { method: 'POST', body: 'text' })).body).toBe('done')
    const proofs = await proofsAt(one.api)
    expect(proofs.map(({ claims }) => claims.nonce)).toEqual([undefined, ...Array(5).fill('nonce-1')])
    expect(new Set(proofs.map(({ claims }) => claims.jti)).size).toBe(6)
    expect(one.api.requests.map(({ body }) => body)).toEqual(Array(6).fill('text'))
    expect(new Set(one.api.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['DPoP token-1']))
    expect(one.server.requests).toHaveLength(1)
    expect(one.heard).toEqual([])
  })

  it('D9: is sent once more when the nonce that we have is too old', async () => {
    let nonce = 'nonce-1'
    await using one = await world(demanding(() => nonce))
    await one.send(one.api.origin)
    nonce = 'nonce-2'
    expect((await one.send(one.api.origin)).body).toBe('done')
    expect(one.api.requests).toHaveLength(4)
  })

  it('D10: costs nothing more where each success has a new nonce', async () => {
    let count = 0
    await using one = await world((response, request) => {
      if (count > 0 && nonceOf(request) !== `nonce-${count}`) response.writeHead(401).end()
      else response.writeHead(200, { 'dpop-nonce': `nonce-${++count}` }).end('done')
    })
    for (let round = 0; round < 5; round += 1) expect((await one.send(one.api.origin)).body).toBe('done')
    expect(one.api.requests).toHaveLength(5)
  })

  it('D10: has the nonce of its own API, not of another and not of the authorization server', async () => {
    await using other = await startServer(demanding(() => 'of-the-other'))
    await using one = await world(demanding(() => 'of-the-one'))
    one.server.script.push({
      body: one.server.token({ token_type: 'DPoP' }),
      headers: { 'dpop-nonce': 'of-the-server' },
    })
    const send = connect(one.tokens as never, { origins: [one.api.origin, other.origin] })
    for (const { origin } of [one.api, other, one.api, other]) expect((await send(origin)).body).toBe('done')
    const nonces = async (server: typeof other) => (await proofsAt(server)).map(({ claims }) => claims.nonce)
    expect(await nonces(one.api)).toEqual([undefined, 'of-the-one', 'of-the-one'])
    expect(await nonces(other)).toEqual([undefined, 'of-the-other', 'of-the-other'])
  })

  it('D9: is not sent a third time where the API wants another nonce every time', async () => {
    let count = 0
    await using one = await world((response) =>
      response.writeHead(401, challenge(`nonce-${++count}`)).end('wants a nonce'),
    )
    expect(await one.send(one.api.origin)).toEqual({ status: 401, body: 'wants a nonce' })
    expect(one.api.requests).toHaveLength(2)
    await one.send(one.api.origin)
    expect((await proofsAt(one.api)).map(({ claims }) => claims.nonce)).toEqual([
      undefined,
      'nonce-1',
      'nonce-2',
      'nonce-3',
    ])
    expect(one.server.requests).toHaveLength(1)
  })

  it.each([
    ['none', undefined],
    ['no nonce', 'a b'],
  ])('D9: is not sent again where the API wants a nonce and gives %s', async (_, nonce) => {
    const { 'dpop-nonce': _nonce, ...without } = challenge('')
    await using one = await world((response) =>
      response.writeHead(401, nonce === undefined ? without : challenge(nonce)).end(),
    )
    expect((await one.send(one.api.origin)).status).toBe(401)
    expect(one.api.requests).toHaveLength(1)
    expect(one.heard).toEqual([])
  })

  it.each([400, 403])('D9: is not sent again where it is not a 401 that asks for a nonce: %i', async (status) => {
    await using one = await world((response) => response.writeHead(status, challenge('nonce-1')).end())
    expect((await one.send(one.api.origin)).status).toBe(status)
    await one.send(one.api.origin)
    expect((await proofsAt(one.api)).map(({ claims }) => claims.nonce)).toEqual([undefined, 'nonce-1'])
  })

  it('D9: with a stream is sent once; the 401 is the caller’s, and the nonce goes into the next request', async () => {
    await using one = await world(demanding(() => 'nonce-1'))
    const body = () => new Blob(['text']).stream()
    expect(await one.send(one.api.origin, { method: 'POST', body })).toEqual({ status: 401, body: 'wants a nonce' })
    expect(await one.send(one.api.origin, { method: 'POST', body })).toEqual({ status: 200, body: 'done' })
    expect(one.api.requests.map((request) => request.body)).toEqual(['text', 'text'])
  })

  it.each([
    ['none', 'GET', 1],
    ['idempotent', 'POST', 1],
    ['idempotent', 'PUT', 2],
    ['all', 'POST', 2],
  ] as const)('D9: is sent as often as `replay` allows: %s, %s, %i', async (replay, method, times) => {
    await using one = await world(
      demanding(() => 'nonce-1'),
      { replay },
    )
    expect((await one.send(one.api.origin, { method })).status).toBe(times === 1 ? 401 : 200)
    expect(one.api.requests).toHaveLength(times)
  })

  it('D9: does not count as one with a rejected token, whatever `isTokenRejected` says', async () => {
    const isTokenRejected = ({ status }: { status: number }) => status === 401
    await using one = await world((response) => response.writeHead(401, challenge('nonce-1')).end(), {
      isTokenRejected,
    })
    await one.send(one.api.origin)
    expect(one.heard).toEqual([])
    expect(one.server.requests).toHaveLength(1)
  })

  it('D4: that is sent again with another token has a new proof, with the nonce of the refusal', async () => {
    await using one = await world((response, { headers }) => {
      if (headers.authorization === 'DPoP token-2') response.end('done')
      else response.writeHead(401, { ...INVALID, 'dpop-nonce': 'nonce-1' }).end()
    })
    expect((await one.send(one.api.origin)).body).toBe('done')
    const proofs = await proofsAt(one.api)
    expect(proofs.map(({ claims }) => [claims.ath, claims.nonce])).toEqual([
      [hashOf('token-1'), undefined],
      [hashOf('token-2'), 'nonce-1'],
    ])
    expect(one.heard).toEqual(['tokenRejected', 'requestReplayed'])
  })

  it.each(['nonce, token', 'token, nonce', 'nonce, token, nonce', 'nonce, token, token', 'token, nonce, nonce'])(
    'D9: is sent at most once more for a nonce and once more for a token: %s',
    async (refusals) => {
      const script = refusals.split(', ')
      let count = 0
      await using one = await world((response) => {
        const next = script.shift()
        count += 1
        if (next === 'nonce') response.writeHead(401, challenge(`nonce-${count}`)).end()
        else if (next === 'token') response.writeHead(401, INVALID).end()
        else response.end('done')
      })
      expect((await one.send(one.api.origin)).status).toBe(refusals.split(', ').length === 2 ? 200 : 401)
      expect(one.api.requests).toHaveLength(3)
      expect(one.server.requests).toHaveLength(2)
    },
  )

  it('D6: has a proof at every hop of a redirect that is followed', async () => {
    await using one = await world((response, { url }) => {
      if (url === '/orders') response.end('done')
      else response.writeHead(303, { location: '/orders', 'dpop-nonce': 'nonce-1' }).end()
    })
    const { status } = await one.send(`${one.api.origin}/from`, { method: 'POST', body: 'text' })
    const claims = (await proofsAt(one.api)).map(({ claims: { htm, htu, nonce } }) => [
      htm,
      htu.slice(one.api.origin.length),
      nonce,
    ])
    // Neither axios nor undici without its interceptor follows one.
    const isFollowed = name === 'fetch'
    expect(status).toBe(isFollowed ? 200 : 303)
    expect(claims).toEqual([['POST', '/from', undefined], ...(isFollowed ? [['GET', '/orders', 'nonce-1']] : [])])
  })

  it('D6: takes neither token nor proof to another origin', async () => {
    for (const way of [...FOREIGN_URLS, ...FOREIGN_REDIRECTS]) {
      const arrivals = await goElsewhere(way, ({ origin }) =>
        connect(managedWithDpop().tokens as never, { origins: [origin] }),
      )
      expect([way[0], leakedTo(arrivals)]).toEqual([way[0], []])
      const orders = arrivals.api.find(({ url }) => url === '/orders')
      const ours = orders?.headers.filter((line) => /^(?:authorization: DPoP token-1|dpop: )/i.test(line))
      expect(ours).toHaveLength(2)
    }
  })

  it('D1: has none without `dpop`, and no nonce is obeyed', async () => {
    await using api = await startServer((response) => response.writeHead(401, challenge('nonce-1')).end())
    const { tokens, server } = managed({ allowInsecureLoopback: true })
    expect((await connect(tokens as never, { origins: [api.origin] })(api.origin)).status).toBe(401)
    expect(api.requests.map(({ headers }) => [headers.authorization, headers.dpop])).toEqual([
      ['Bearer token-1', undefined],
    ])
    expect(server.requests).toHaveLength(1)
  })

  it('D6: sends a proof beside the headers of `applyToken` too', async () => {
    await using api = await startServer((response) => response.end())
    const applyToken = (token: { reveal(): string }) => ({
      Authorization: `DPoP ${token.reveal()}`,
      'X-Api-Key': 'key',
    })
    const { tokens } = managedWithDpop({ applyToken })
    await connect(tokens as never, { origins: [api.origin] })(`${api.origin}/orders`, { headers: { dpop: 'mine' } })
    expect(api.requests[0]?.headers).toMatchObject({ authorization: 'DPoP token-1', 'x-api-key': 'key' })
    expect((await proofsAt(api)).map(({ claims }) => claims.ath)).toEqual([hashOf('token-1')])
  })
})
