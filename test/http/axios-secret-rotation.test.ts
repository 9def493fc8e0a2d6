import { expect, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import type { FetchLike } from '../../src/transport.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { managed } from '../support/managed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { Api } from './axios-api.ts'

it('fails no request while the secret is rotated with overlap, again and again', async () => {
  let accepted = ['secret-0']
  let held = 'secret-0'
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  server.expiresIn = 30
  const refused: string[] = []
  // Refuses a secret that is not accepted any more, or not yet.
  const transport: FetchLike = async (url, init) => {
    const basic = Buffer.from((init.headers.authorization ?? '').slice('Basic '.length), 'base64').toString()
    const secret = basic.slice(basic.indexOf(':') + 1)
    if (accepted.includes(secret)) return await server.fetch(url, init)
    refused.push(secret)
    return Response.json({ error: 'invalid_client' }, { status: 401 })
  }
  const { tokens } = managed({ clientSecret: async () => held, transport }, clock)
  const api = new Api()
  const client = api.client()
  attachTokenManager(client, tokens)

  for (let rotation = 1; rotation <= 20; rotation++) {
    const next = `secret-${rotation}`
    const steps = [
      () => accepted.push(next), // both are good,
      () => (held = next), // the service gets the new one,
      () => (accepted = [next]), // and the old one ends.
    ]
    for (const step of steps) {
      step()
      for (let second = 0; second < 20; second++) {
        await Promise.all([client.get('/orders'), client.post('/orders', {})])
        await clock.advance(1000)
      }
    }
  }
  expect(api.requests).toHaveLength(20 * 3 * 20 * 2)
  expect(new Set(api.requests.map(({ authorization }) => authorization)).size).toBeGreaterThan(40)
  expect(refused).toEqual([])
})
