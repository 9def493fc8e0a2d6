import { Agent, type Dispatcher, request } from 'undici'
import { createOidcInterceptor } from 'undici-oidc-interceptor'
import { tokenInterceptor } from '../src/http/undici.ts'
import { atConcurrency, type Comparison, type Group, type Variant, type Work } from './harness.ts'
import { startServer } from './server.ts'
import { filledManager, tokenText } from './tokens.ts'

interface Sender {
  readonly dispatcher: Dispatcher
  readonly headers?: Record<string, string>
}

async function workOf(url: string, concurrency: number, sender: Sender): Promise<Work> {
  // A new object for each, because a peer writes into it.
  const once = async () => {
    const { headers, dispatcher } = sender
    const { body } = await request(`${url}/orders/17`, {
      dispatcher,
      headers: { accept: 'application/json', ...headers },
    })
    return await body.json()
  }
  await once()
  return { run: (times) => atConcurrency(concurrency, times, once) }
}

function bareRequest(): Sender {
  return { dispatcher: new Agent(), headers: { authorization: `Bearer ${tokenText()}` } }
}

async function evertoken(url: string): Promise<Sender> {
  return { dispatcher: new Agent().compose(tokenInterceptor(await filledManager(), { origins: [url] })) }
}

// As its README has it.
function oidcInterceptor(url: string): Sender {
  const interceptor = createOidcInterceptor({
    ...{ clientId: 'bench', clientSecret: 'not much', idpTokenUrl: `${url}/token` },
    ...{ retryOnStatusCodes: [401], urls: [url] },
  })
  return { dispatcher: new Agent().compose(interceptor) }
}

function overLoopback(concurrency: number): Comparison {
  const variant = (name: string, make: (url: string) => Sender | Promise<Sender>): Omit<Variant, 'role'> => ({
    name,
    prepare: async ({ url = '' }) => await workOf(url, concurrency, await make(url)),
  })
  return {
    name: `undici-loopback-${concurrency}`,
    title: `undici over loopback, ${concurrency} at once`,
    about: '`undici.request` with a header, to a server on this machine, by connections that are kept.',
    apart: true,
    surroundings: startServer,
    variants: [
      { ...variant('bare undici.request', bareRequest), role: 'floor' },
      { ...variant('evertoken', evertoken), role: 'ours', bound: 1.05 },
      { ...variant('undici-oidc-interceptor', oidcInterceptor), role: 'peer' },
    ],
  }
}

/** What a request by undici costs. */
export const group: Group = { title: 'Requests by undici', rows: [overLoopback(1), overLoopback(32)] }
