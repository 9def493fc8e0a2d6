import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client'
import { createTokenFetch } from '../src/http/fetch.ts'
import { atConcurrency, type Comparison, type Group, type Variant, type Work } from './harness.ts'
import { startServer } from './server.ts'
import { filledManager, tokenText } from './tokens.ts'

type Send = (url: string) => Promise<Response>

async function workOf(url: string, concurrency: number, send: Send): Promise<Work> {
  const request = async () => await (await send(`${url}/orders/17`)).json()
  await request()
  return { run: (times) => atConcurrency(concurrency, times, request) }
}

function bareFetch(): Send {
  const authorization = `Bearer ${tokenText()}`
  return (url) => fetch(url, { headers: { authorization } })
}

async function evertoken(api: string): Promise<Send> {
  return createTokenFetch(await filledManager(), { origins: [api] })
}

// As its README has it.
async function badgateway(api: string): Promise<Send> {
  const client = new OAuth2Client({ server: api, clientId: 'bench', clientSecret: 'not much', tokenEndpoint: '/token' })
  const wrapper = new OAuth2Fetch({ client, getNewToken: () => client.clientCredentials() })
  return (url) => wrapper.fetch(url)
}

function overLoopback(concurrency: number): Comparison {
  const variant = (name: string, make: (api: string) => Send | Promise<Send>): Omit<Variant, 'role'> => ({
    name,
    prepare: async ({ url = '' }) => await workOf(url, concurrency, await make(url)),
  })
  return {
    name: `fetch-loopback-${concurrency}`,
    title: `fetch over loopback, ${concurrency} at once`,
    about: 'The `fetch` of Node with a header, to a server on this machine, by connections that are kept.',
    apart: true,
    surroundings: startServer,
    variants: [
      { ...variant('bare fetch', bareFetch), role: 'floor' },
      { ...variant('evertoken', evertoken), role: 'ours', bound: 1.1 },
      { ...variant('@badgateway/oauth2-client', badgateway), role: 'peer' },
    ],
  }
}

/** What a request by fetch costs. */
export const group: Group = { title: 'Requests by fetch', rows: [overLoopback(1), overLoopback(32)] }
