import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client'
import { createTokenFetch } from '../src/http/fetch.ts'
import { dispatchStub } from './dispatcher-stub.ts'
import { type Comparison, type Group, jobs, type Variant, type Work } from './harness.ts'
import { startServer } from './server.ts'
import { filledManager, tokenText } from './tokens.ts'

// Not by way of the package undici: whoever imports that gets a fetch that asks undici's own dispatcher.
const OF_NODES_FETCH = Symbol.for('undici.globalDispatcher.1')

// A request leaves much behind: only in long turns does each variant get its share of the garbage collection.
const LEAST = 1500

type Send = (url: string) => Promise<Response>

async function workOf(url: string, concurrency: number, send: Send): Promise<Work> {
  const request = async () => await (await send(`${url}/orders/17`)).json()
  await request()
  return { ...jobs(concurrency, request), least: LEAST }
}

function bareFetch(): Send {
  const authorization = `Bearer ${tokenText()}`
  return (url) => fetch(url, { headers: { authorization } })
}

async function evertoken(api: string): Promise<Send> {
  return createTokenFetch(await filledManager(), { origins: [api] })
}

// As its README has it, but for the token, which comes from no server.
function badgateway(): Send {
  const client = new OAuth2Client({ server: 'https://auth.example.com', clientId: 'bench' })
  const token = { accessToken: tokenText(), expiresAt: Date.now() + 3_600_000, refreshToken: null }
  const wrapper = new OAuth2Fetch({ client, getNewToken: () => token })
  return (url) => wrapper.fetch(url)
}

function variants(concurrency: number, isStubbed = false): Variant[] {
  const variant = (name: string, make: (api: string) => Send | Promise<Send>): Omit<Variant, 'role'> => ({
    name,
    prepare: async ({ url = 'https://api.example.com' }) => {
      if (isStubbed) Object.assign(globalThis, { [OF_NODES_FETCH]: { dispatch: dispatchStub } })
      return await workOf(url, concurrency, await make(url))
    },
  })
  return [
    { ...variant('bare fetch', bareFetch), role: 'floor' },
    { ...variant('evertoken', evertoken), role: 'ours', bound: 1.1 },
    { ...variant('@badgateway/oauth2-client', badgateway), role: 'peer' },
  ]
}

function overLoopback(concurrency: number): Comparison {
  return {
    name: `fetch-loopback-${concurrency}`,
    title: `fetch over loopback, ${concurrency} at once`,
    about: 'The `fetch` of Node with a header, to a server on this machine, by connections that are kept.',
    apart: true,
    surroundings: startServer,
    variants: variants(concurrency),
  }
}

/** What a request by fetch costs. */
export const group: Group = {
  title: 'Requests by fetch',
  rows: [
    {
      name: 'fetch-stub',
      title: 'fetch without a network',
      about:
        'The `fetch` of Node with a header and a dispatcher that answers at once: all that a request costs in JavaScript.',
      apart: true,
      variants: variants(1, true),
    },
    overLoopback(1),
    overLoopback(32),
  ],
}
