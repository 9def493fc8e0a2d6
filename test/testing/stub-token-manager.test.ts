import axios from 'axios'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { TokenManager } from '../../src/index.ts'
import {
  type StubTokenAnswer,
  startApi,
  startAuthorizationServer,
  stubTokenManager,
  VirtualClock,
} from '../../src/testing/index.ts'

describe('a stub manager', () => {
  it('gives the token it was told to, and says what was asked', async () => {
    const tokens = stubTokenManager({ token: 'a-token' })
    expect(
      await tokens.getAccessToken({ scope: 'orders.read orders.write', resource: 'https://api.example.com' }),
    ).toBe('a-token')
    expect(tokens.requested).toEqual([
      {
        client: 'default',
        scope: ['orders.read', 'orders.write'],
        resource: ['https://api.example.com'],
        audience: [],
      },
    ])
  })

  it('asks once for a token that is cached', async () => {
    const tokens = stubTokenManager()
    expect([await tokens.getAccessToken(), await tokens.getAccessToken()]).toEqual(['stub-token', 'stub-token'])
    expect(tokens.requested).toHaveLength(1)
  })

  it.each<[NonNullable<StubTokenAnswer['error']>, object]>([
    ['invalid_client', { code: 'request_denied', error: 'invalid_client', status: 401, retryable: false }],
    ['invalid_scope', { code: 'request_denied', error: 'invalid_scope', status: 400, retryable: false }],
    ['server_unavailable', { code: 'server_unavailable', status: 503, retryable: true }],
    ['network', { code: 'network', retryable: true }],
  ])('fails as the real one does: %s', async (error, expected) => {
    await expect(stubTokenManager({ error }).getToken()).rejects.toMatchObject(expected)
  })

  it('changes its answer when a test wants it to', async () => {
    const tokens = stubTokenManager({ error: 'network' })
    await expect(tokens.getToken()).rejects.toMatchObject({ code: 'network' })
    tokens.answerWith({ token: 'second' })
    expect(await tokens.getAccessToken()).toBe('second')
    tokens.answerWith({ token: 'third' })
    expect(await tokens.getAccessToken()).toBe('third')
  })

  it('has clients by name, which the compiler checks', async () => {
    const tokens = stubTokenManager({ clients: ['orders', 'billing'], token: ({ client }) => `token-of-${client}` })
    expect(await tokens.getAccessToken({ client: 'billing' })).toBe('token-of-billing')
    expectTypeOf(tokens).toExtend<TokenManager<'orders' | 'billing'>>()
    expectTypeOf(tokens.getToken).parameter(0).toHaveProperty('client').toEqualTypeOf<'orders' | 'billing'>()
    expectTypeOf(stubTokenManager()).toExtend<TokenManager>()
    expect(tokens).toBeInstanceOf(TokenManager)
  })

  it('lets tokens grow old by the clock it is given', async () => {
    const clock = new VirtualClock()
    const tokens = stubTokenManager({ clock, lifetimeMs: 60_000 })
    await tokens.getToken()
    await clock.advance(55_000)
    await tokens.getToken()
    expect(tokens.requested).toHaveLength(2)
  })

  it('can be attached, and handed to what makes a fetch', async () => {
    await using server = await startAuthorizationServer()
    await using api = await startApi({ server, respond: ({ headers }) => ({ body: { had: headers.authorization } }) })
    const token = server.issueToken()
    const client = axios.create({ baseURL: api.origin })
    attachTokenManager(client, stubTokenManager({ token }))
    const answers = [
      (await client.get('/')).data,
      await (await createTokenFetch(stubTokenManager({ token }), { origins: [api.origin] })(api.origin)).json(),
    ]
    expect(answers).toEqual([{ had: `Bearer ${token}` }, { had: `Bearer ${token}` }])
    expect(server.received).toBe(0)
  })
})
