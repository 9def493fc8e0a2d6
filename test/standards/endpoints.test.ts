import axios from 'axios'
import { describe, expect, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import { type ClientOptions, TokenManager } from '../../src/index.ts'
import type { FetchLike } from '../../src/transport.ts'
import { Api } from '../http/axios-api.ts'
import { managed } from '../support/managed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** An authorization server with metadata at some places; every request is recorded. */
function metadataServer(documents: Readonly<Record<string, unknown>>) {
  const asked: string[] = []
  const sent: { headers: Record<string, string>; body: string | null }[] = []
  const transport: FetchLike = async (url, init) => {
    asked.push(`${init.method} ${url}`)
    sent.push(init)
    const document = documents[url]
    if (init.method === 'GET') {
      return document === undefined ? new Response('', { status: 404 }) : Response.json(document)
    }
    if (url.endsWith('/revoke')) return new Response(null, { status: Number(documents.revocation ?? 200) })
    return Response.json({ access_token: 'the-token', token_type: 'Bearer', expires_in: 3600 })
  }
  const manager = (options: Partial<ClientOptions>) =>
    new TokenManager({
      clock: new VirtualClock(),
      clientId: 'orders',
      clientSecret: 's3cret',
      transport,
      maxAttempts: 1,
      ...options,
    } as ClientOptions)
  return { asked, sent, manager }
}

const code = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (reason: { code?: string }) => reason,
  )
  return error?.code
}

describe('other endpoints', () => {
  it('E1: revokes over https, authenticated, and takes 200 for done whatever the body', async () => {
    const { asked, sent, manager } = metadataServer({})
    const tokens = manager({
      tokenEndpoint: 'https://as.example/token',
      revocationEndpoint: 'https://as.example/revoke',
    })
    const failed: unknown[] = []
    tokens.on('revocationFailed', ({ error }) => failed.push(error))
    await tokens.getToken()
    await tokens.close({ revoke: true })
    expect(asked).toEqual(['POST https://as.example/token', 'POST https://as.example/revoke'])
    expect(failed).toEqual([])
    const [, revocation] = sent
    expect(revocation?.headers.authorization).toBe(`Basic ${Buffer.from('orders:s3cret').toString('base64')}`)
    expect(revocation?.body).toBe('token=the-token&token_type_hint=access_token')
    expect(() => manager({ tokenEndpoint: 'https://a.example', revocationEndpoint: 'http://a.example' })).toThrow(
      '`revocationEndpoint`',
    )
  })

  it('E1: takes 503 for not done', async () => {
    const { manager } = metadataServer({ revocation: 503 })
    const tokens = manager({
      tokenEndpoint: 'https://as.example/token',
      revocationEndpoint: 'https://as.example/revoke',
    })
    const failed: unknown[] = []
    tokens.on('revocationFailed', ({ error }) => failed.push(error))
    await tokens.getToken()
    await tokens.close({ revoke: true })
    expect(failed).toEqual([expect.objectContaining({ code: 'server_unavailable', status: 503, retryable: true })])
  })

  it('E5: takes absolute URIs without fragment as resources, and keys on them', async () => {
    expect(() => managed({ resource: '/orders' })).toThrow('`resource`')
    expect(() => managed({ resource: 'https://api.example/#x' })).toThrow('`resource`')
    const { tokens, server } = managed()
    await tokens.getToken({ resource: 'https://a.example' })
    await tokens.getToken({ resource: ['https://b.example', 'https://a.example'] })
    await tokens.getToken({ resource: ['https://a.example', 'https://b.example'] })
    expect(server.requests.map(({ form }) => form.getAll('resource'))).toEqual([
      ['https://a.example'],
      ['https://b.example', 'https://a.example'],
    ])
  })

  it('E5: an `invalid_target` belongs to its resource alone', async () => {
    const { tokens, server } = managed()
    server.script.push({ status: 400, body: { error: 'invalid_target' } })
    expect(await code(tokens.getToken({ resource: 'urn:unknown' }))).toBe('request_denied')
    expect(await code(tokens.getToken({ resource: 'urn:known' }))).toBeUndefined()
  })

  const ISSUER = 'https://as.example/tenant'
  const OAUTH = 'https://as.example/.well-known/oauth-authorization-server/tenant'
  const OPENID = 'https://as.example/tenant/.well-known/openid-configuration'
  const DOCUMENT = { issuer: ISSUER, token_endpoint: 'https://as.example/tenant/token' }

  it('E7: looks for metadata between host and path', async () => {
    const { asked, manager } = metadataServer({ [OAUTH]: DOCUMENT })
    await manager({ issuer: ISSUER }).getToken()
    expect(asked).toEqual([`GET ${OAUTH}`, 'POST https://as.example/tenant/token'])
  })

  it.each([
    ['a slash more', `${ISSUER}/`],
    ['another host', 'https://evil.example/tenant'],
    ['another letter case', 'https://as.example/Tenant'],
    ['a default port', 'https://as.example:443/tenant'],
  ])('E7: discards metadata of an issuer with %s', async (_, issuer) => {
    const { asked, manager } = metadataServer({ [OAUTH]: { ...DOCUMENT, issuer } })
    expect(await code(manager({ issuer: ISSUER }).getToken())).toBe('issuer_mismatch')
    expect(asked.some((each) => each.startsWith('POST'))).toBe(false)
  })

  it('E7: takes no issuer with a query or fragment, or over http', () => {
    const { manager } = metadataServer({})
    for (const issuer of ['https://as.example?x', 'https://as.example#x', 'http://as.example']) {
      expect(() => manager({ issuer })).toThrow('`issuer`')
    }
  })

  it('E8: then where OpenID Connect puts it, with the same check', async () => {
    const found = metadataServer({ [OPENID]: DOCUMENT })
    await found.manager({ issuer: ISSUER }).getToken()
    expect(found.asked).toEqual([`GET ${OAUTH}`, `GET ${OPENID}`, 'POST https://as.example/tenant/token'])
    const other = metadataServer({ [OPENID]: { ...DOCUMENT, issuer: 'https://other.example' } })
    expect(await code(other.manager({ issuer: ISSUER }).getToken())).toBe('issuer_mismatch')
  })

  it('E9: follows no `resource_metadata` of a challenge', async () => {
    const { tokens, server } = managed()
    const api = new Api()
    const challenge = 'Bearer resource_metadata="https://evil.example/.well-known/x"'
    api.answer = () => ({ status: 401, headers: { 'www-authenticate': challenge } })
    const client = api.client()
    attachTokenManager(client, tokens)
    await expect(client.get('/orders')).rejects.toBeInstanceOf(axios.AxiosError)
    expect(new Set(api.requests.map(({ url }) => url))).toEqual(new Set(['https://api.example.com/orders']))
    expect(server.requests.every(({ url }) => url === 'https://auth.example.com/oauth2/token')).toBe(true)
  })
})

describe('best current practice', () => {
  it('F2: shows a token for one API to no other', async () => {
    const { tokens, server } = managed()
    await Promise.all([tokens.getToken({ audience: 'orders' }), tokens.getToken({ audience: 'billing' })])
    expect(server.requests.map(({ form }) => form.get('audience'))).toEqual(['orders', 'billing'])
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    await expect(client.get('https://other.example/')).rejects.toMatchObject({ code: 'origin_refused' })
    expect(api.requests).toEqual([])
  })

  it('F4: finds the endpoints by metadata, if it is given an issuer', async () => {
    const { asked, manager } = metadataServer({
      'https://as.example/.well-known/oauth-authorization-server': {
        issuer: 'https://as.example',
        token_endpoint: 'https://as.example/token',
        revocation_endpoint: 'https://as.example/revoke',
      },
    })
    const tokens = manager({ issuer: 'https://as.example' })
    await tokens.getToken()
    await tokens.close({ revoke: true })
    expect(asked.slice(1)).toEqual(['POST https://as.example/token', 'POST https://as.example/revoke'])
  })
})

describe('a deviation of deployed APIs', () => {
  it.each([403, 404, 200, 400])('S18: expiry that is told by status %i, if it is made known', async (status) => {
    const { tokens, server } = managed()
    const api = new Api()
    api.answer = () =>
      api.requests.length === 1 ? { status, data: { error: 'token_expired' } } : { status: 200, data: 'ok' }
    const client = api.client()
    attachTokenManager(client, tokens, { isTokenRejected: ({ data }) => data?.error === 'token_expired' })
    expect((await client.get('/orders')).data).toBe('ok')
    expect(server.requests).toHaveLength(2)
  })
})
