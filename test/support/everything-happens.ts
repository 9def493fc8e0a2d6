import { generateKeyPairSync } from 'node:crypto'
import type { MeterProvider } from '@opentelemetry/api'
import { expect } from 'vitest'
import type { ClientOptions } from '../../src/client-options.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { privateKeyJwt } from '../../src/index.ts'
import { instrumentTokenManager } from '../../src/opentelemetry/index.ts'
import { Fleet, type FleetProcess } from './fleet.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

/** An API that refuses this token, and takes any other. */
export function apiThatRejects(text: string): (url: string, init: RequestInit) => Promise<Response> {
  return async (_, init) =>
    new Response('', { status: new Headers(init.headers).get('authorization') === `Bearer ${text}` ? 401 : 200 })
}

/** Lets a process of a fleet, which is measured, have all the trouble there is. */
export async function everythingHappens(meterProvider: MeterProvider): Promise<void> {
  const fleet = new Fleet()
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const expiresAt = fleet.clock.now() + 10 * 24 * HOUR
  const keyed = { clientAuthentication: privateKeyJwt({ key, expiresAt }), clientSecret: undefined, scope: 'read' }
  const { tokens, store } = fleet.join(keyed as Partial<ClientOptions>)
  instrumentTokenManager(tokens, { meterProvider })
  const other = fleet.join(keyed as Partial<ClientOptions>)
  const ask = (ms = 5 * SECOND) => fleet.tokensOf([{ tokens } as FleetProcess], ms)

  // Found in the store, then at hand, then requested anew, with a retry, by the holder of the lease.
  await fleet.tokensOf([other])
  await ask()
  await ask()
  await fleet.clock.advance(HOUR)
  fleet.server.script.push(
    { status: 503 },
    { body: { ...fleet.server.token(), expires_in: undefined, scope: 'other' } },
  )
  await ask()
  // Rejected by an API, which takes the next one; then that one too.
  const call = createTokenFetch(tokens, {
    origins: ['https://api.example'],
    fetch: apiThatRejects('token-2') as never,
  })
  const calling = call('https://api.example/orders')
  await fleet.clock.advance(5 * SECOND)
  expect((await calling).status).toBe(200)
  tokens.invalidate({}, tokens.source().peek() as never)
  // The store holds what nobody can read, and then fails; the authorization server refuses, and is not asked again at once.
  await fleet.clock.advance(2 * HOUR)
  await fleet.tokensOf([other], 5 * SECOND)
  fleet.store.tamper((record) => ({ ...record, value: 'nonsense' }))
  fleet.server.byDefault = { status: 401, body: { error: 'invalid_client' } }
  await expect(ask(100)).rejects.toThrow()
  await expect(ask(100)).rejects.toThrow()
  await fleet.clock.advance(5 * SECOND)
  store.fault = 'error'
  await expect(ask()).rejects.toThrow()
}
