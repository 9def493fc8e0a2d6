import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../../src/client-options.ts'
import { type Respond, startServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { CLIENTS } from './dpop-clients.ts'

const INVALID = { 'www-authenticate': 'Bearer error="invalid_token"' }

// A new HTTP client is added to the list there.
describe.each(CLIENTS)('the contract of an HTTP client: %s', (_, connect) => {
  /** A client and its API, which takes the tokens that `accepts` names. */
  async function world(setup: object = {}, options: Partial<ClientOptions> = {}) {
    const rejected = new Set<string>()
    const answer: Respond = (response, { headers, body }) => {
      if (rejected.has(String(headers.authorization))) response.writeHead(401, INVALID).end('rejected')
      else response.end(`done ${body}`)
    }
    const api = await startServer(answer)
    const { tokens, server } = managed({ allowInsecureLoopback: true, ...options })
    const send = connect(tokens as never, { origins: [api.origin], ...setup })
    return { api, rejected, tokens, server, send, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
  }

  it('carries the token to the origin that is named, asked for once by all', async () => {
    await using one = await world()
    const answers = await Promise.all(Array.from({ length: 5 }, () => one.send(`${one.api.origin}/orders`)))
    expect(answers).toEqual(Array.from({ length: 5 }, () => ({ status: 200, body: 'done ' })))
    expect(new Set(one.api.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer token-1']))
    expect(one.server.requests).toHaveLength(1)
  })

  it('sends nothing to another origin', async () => {
    await using one = await world()
    await using other = await startServer((response) => response.end())
    await expect(one.send(`${other.origin}/orders`)).rejects.toMatchObject({ code: 'origin_refused' })
    expect(other.requests).toEqual([])
  })

  it('sends nothing without a token', async () => {
    await using one = await world()
    one.server.byDefault = { status: 401, body: { error: 'invalid_client' } }
    await expect(one.send(`${one.api.origin}/orders`)).rejects.toMatchObject({ code: 'request_denied' })
    expect(one.api.requests).toEqual([])
  })

  it('replaces a token that is rejected, and sends the request once more as it was', async () => {
    await using one = await world()
    await one.send(`${one.api.origin}/orders`)
    one.rejected.add('Bearer token-1')
    const request = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'an order' }
    expect(await one.send(`${one.api.origin}/orders`, request)).toEqual({ status: 200, body: 'done an order' })
    expect(one.api.requests.slice(1).map(({ headers, body }) => [headers.authorization, body])).toEqual([
      ['Bearer token-1', 'an order'],
      ['Bearer token-2', 'an order'],
    ])
  })

  it('sends it once more and no more', async () => {
    await using one = await world()
    for (const token of ['token-1', 'token-2', 'token-3']) one.rejected.add(`Bearer ${token}`)
    expect(await one.send(`${one.api.origin}/orders`)).toEqual({ status: 401, body: 'rejected' })
    expect(one.api.requests).toHaveLength(2)
  })

  it('hands over the rejection where nothing is to be sent twice, and has another token the next time', async () => {
    await using one = await world({ replay: 'none' })
    one.rejected.add('Bearer token-1')
    expect(await one.send(`${one.api.origin}/orders`)).toEqual({ status: 401, body: 'rejected' })
    expect(await one.send(`${one.api.origin}/orders`)).toEqual({ status: 200, body: 'done ' })
  })

  it('sends a stream once', async () => {
    await using one = await world()
    one.rejected.add('Bearer token-1')
    const body = () => new Blob(['a stream']).stream()
    expect((await one.send(`${one.api.origin}/orders`, { method: 'POST', body })).status).toBe(401)
    expect(one.api.requests.map((request) => request.body)).toEqual(['a stream'])
  })

  it('leaves a header of the caller’s alone', async () => {
    await using one = await world()
    await one.send(`${one.api.origin}/orders`, { headers: { authorization: 'Basic bWluZQ==' } })
    expect(one.api.requests.map(({ headers }) => headers.authorization)).toEqual(['Basic bWluZQ=='])
    expect(one.server.requests).toEqual([])
  })

  it('takes no token along to where a redirect leads', async () => {
    await using other = await startServer((response) => response.end('elsewhere'))
    await using first = await startServer((response) => response.writeHead(307, { location: other.origin }).end())
    await using one = await world({ origins: [first.origin] })
    await one.send(`${first.origin}/orders`)
    expect(first.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1'])
    for (const { headers } of other.requests) expect(headers).not.toHaveProperty('authorization')
  })

  it('carries the headers of `applyToken` in place of its own', async () => {
    await using one = await world({}, { applyToken: (token) => ({ 'X-Auth-Token': token.reveal() }) })
    await one.send(`${one.api.origin}/orders`)
    const [request] = one.api.requests
    expect(request?.headers).toMatchObject({ 'x-auth-token': 'token-1' })
    expect(request?.headers).not.toHaveProperty('authorization')
  })
})
