import { describe, expect, it } from 'vitest'
import { createTokenFetch } from '../src/http/fetch.ts'
import { tokenInterceptor } from '../src/http/undici.ts'
import { failureOf } from './http/axios-api.ts'
import { managedWithDpop, proofsAt } from './http/dpop-clients.ts'
import { FetchApi } from './http/fetch-api.ts'
import { VERSIONS } from './http/undici-versions.ts'
import { verifiedProof } from './support/dpop-proof.ts'
import { type Respond, startServer } from './support/http-server.ts'

const NONCE = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-1' }

/** Redirects `/from` to `/orders`. */
const redirecting: Respond = (response, { url }) => {
  if (url === '/from') response.writeHead(307, { location: '/orders' }).end()
  else response.end('done')
}

describe('fetch, with tokens that are bound to a key', () => {
  const ORDERS = 'https://api.example.com/orders'

  function tokenFetch() {
    const api = new FetchApi()
    const { tokens } = managedWithDpop()
    const fetch = createTokenFetch(tokens, { origins: ['https://api.example.com'], fetch: api.fetch })
    const claims = async () => {
      const proofs = api.requests.map(({ headers }) => verifiedProof(headers.get('dpop')))
      return (await Promise.all(proofs)).map((proof) => proof.claims)
    }
    return { api, fetch, claims }
  }

  it.each(['get', 'Head', 'put', 'PATCH', 'Delete', 'options', 'purge'])(
    'D2: names the method as fetch writes it: %s',
    async (method) => {
      const { api, fetch, claims } = tokenFetch()
      await fetch(ORDERS, { method })
      expect(await claims()).toMatchObject([{ htm: api.requests[0]?.method }])
    },
  )

  it('D9: sends the body of a Request once more', async () => {
    const { api, fetch, claims } = tokenFetch()
    api.answer = () =>
      api.requests.length === 1 ? new Response(null, { status: 401, headers: NONCE }) : new Response()
    await fetch(new Request(`${ORDERS}?page=2`, { method: 'POST', body: 'text' }))
    expect(api.requests.map(({ body }) => body)).toEqual(['text', 'text'])
    expect(await claims()).toMatchObject([
      { htm: 'POST', htu: ORDERS },
      { htm: 'POST', htu: ORDERS, nonce: 'nonce-1' },
    ])
  })

  it.each([
    ['an object', { dpop: 'mine', 'x-other': 'stays' }],
    [
      'a list',
      [
        ['DPoP', 'mine'],
        ['x-other', 'stays'],
      ] as [string, string][],
    ],
    ['Headers', new Headers({ dpop: 'mine', 'x-other': 'stays' })],
  ])("D6: has one proof, and not the caller's: headers as %s", async (_, headers) => {
    const { api, fetch, claims } = tokenFetch()
    await fetch(ORDERS, { headers })
    expect(await claims()).toHaveLength(1)
    expect(api.requests[0]?.headers.get('x-other')).toBe('stays')
  })
})

describe.each(VERSIONS)('%s, with tokens that are bound to a key', (_, undici) => {
  const { Agent, interceptors } = undici

  async function world(respond: Respond) {
    const api = await startServer(respond)
    const { tokens } = managedWithDpop()
    const intercept = tokenInterceptor(tokens, { origins: [api.origin] })
    return { api, intercept, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
  }

  it('D6: has a proof for every hop of redirects that come after it, and follows none of those before it', async () => {
    await using one = await world(redirecting)
    const redirect = interceptors.redirect({ maxRedirections: 5 })
    const after = new Agent().compose(one.intercept, redirect)
    expect(await (await undici.request(`${one.api.origin}/from`, { dispatcher: after })).body.text()).toBe('done')
    const urls = (await proofsAt(one.api)).map(({ claims }) => claims.htu)
    expect(urls).toEqual([`${one.api.origin}/from`, `${one.api.origin}/orders`])
    const before = new Agent().compose(redirect, one.intercept)
    const error = await failureOf(undici.request(`${one.api.origin}/from`, { dispatcher: before }))
    expect(error).toMatchObject({ code: 'origin_refused' })
    expect(one.api.requests).toHaveLength(3)
  })

  it('D4: has a proof of its own in every attempt of retries that come after it', async () => {
    let count = 0
    await using one = await world((response) => {
      count += 1
      response.writeHead(count < 3 ? 503 : 200).end()
    })
    const retry = interceptors.retry({ maxRetries: 3, minTimeout: 1, maxTimeout: 1 })
    const dispatcher = new Agent().compose(one.intercept, retry)
    await undici.request(one.api.origin, { dispatcher })
    expect(new Set((await proofsAt(one.api)).map(({ claims }) => claims.jti)).size).toBe(3)
  })

  it('D9: answers a nonce that an interceptor made an error of', async () => {
    await using one = await world((response, { headers }) => {
      if (String(headers.dpop).length > 0 && one.api.requests.length > 1) response.end('done')
      else response.writeHead(401, NONCE).end()
    })
    const dispatcher = new Agent().compose(interceptors.responseError(), one.intercept)
    expect(await (await undici.request(one.api.origin, { dispatcher })).body.text()).toBe('done')
    expect((await proofsAt(one.api)).map(({ claims }) => claims.nonce)).toEqual([undefined, 'nonce-1'])
  })

  it('D9: answers a nonce of a path with a query, and of a refusal with a long body', async () => {
    await using one = await world((response) => {
      if (one.api.requests.length > 1) response.end('done')
      else response.writeHead(401, NONCE).end(Buffer.alloc(1024 * 1024))
    })
    const dispatcher = new Agent().compose(one.intercept)
    const { body } = await undici.request(`${one.api.origin}/orders?page=2`, { dispatcher })
    expect(await body.text()).toBe('done')
    const claims = (await proofsAt(one.api)).map(({ claims: { htu, nonce } }) => [htu, nonce])
    expect(claims).toEqual([
      [`${one.api.origin}/orders`, undefined],
      [`${one.api.origin}/orders`, 'nonce-1'],
    ])
  })
})
