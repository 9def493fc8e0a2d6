import { describe, expect, it } from 'vitest'
import { TokenManager } from '../../src/index.ts'
import { startApi, startAuthorizationServer, VirtualClock } from '../../src/testing/index.ts'

describe('an authorization server for tests', () => {
  it('gives tokens to a manager that is told no more than its client options', async () => {
    await using server = await startAuthorizationServer()
    await using api = await startApi({ server })
    const tokens = new TokenManager(server.clientOptions())
    const headers = { authorization: `Bearer ${await tokens.getAccessToken()}` }
    expect((await fetch(api.origin, { headers })).status).toBe(200)
    expect(server.requests.map(({ endpoint, status }) => [endpoint, status])).toEqual([
      ['metadata', 200],
      ['token', 200],
    ])
    await tokens.close()
  })

  it('lets its tokens expire by its clock', async () => {
    const clock = new VirtualClock()
    await using server = await startAuthorizationServer({ clock, lifetimeMs: 5000 })
    await using api = await startApi({ server })
    const headers = { authorization: `Bearer ${server.issueToken()}` }
    await clock.advance(4999)
    expect((await fetch(api.origin, { headers })).status).toBe(200)
    await clock.advance(1)
    expect((await fetch(api.origin, { headers })).status).toBe(401)
    expect(api.refusals).toEqual({ expired: 1 })
  })
})
