import { Agent, Dispatcher, request } from 'undici'
import { createOidcInterceptor } from 'undici-oidc-interceptor'
import { tokenInterceptor } from '../src/http/undici.ts'
import { dispatchStub } from './dispatcher-stub.ts'
import { type Comparison, type Group, jobs, type Variant, type Work } from './harness.ts'
import { startServer } from './server.ts'
import { filledManager, tokenText } from './tokens.ts'

// A request leaves much behind: only in long turns does each variant get its share of the garbage collection.
const LEAST = 1500

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
  return { ...jobs(concurrency, once), least: LEAST }
}

type Equip = (url: string, inner: Dispatcher) => Sender | Promise<Sender>

const bareRequest: Equip = (_, dispatcher) => ({ dispatcher, headers: { authorization: `Bearer ${tokenText()}` } })

const evertoken: Equip = async (url, inner) => ({
  dispatcher: inner.compose(tokenInterceptor(await filledManager(), { origins: [url] })),
})

// As its README has it, with a token to begin with.
const oidcInterceptor: Equip = (url, inner) => {
  const interceptor = createOidcInterceptor({
    ...{ clientId: 'bench', clientSecret: 'not much', idpTokenUrl: `${url}/token`, accessToken: tokenText() },
    ...{ retryOnStatusCodes: [401], urls: [url] },
  })
  return { dispatcher: inner.compose(interceptor) }
}

class DispatcherStub extends Dispatcher {
  override dispatch = dispatchStub
}

function variants(concurrency: number, inner: () => Dispatcher): Variant[] {
  const variant = (name: string, equip: Equip): Omit<Variant, 'role'> => ({
    name,
    prepare: async ({ url = 'https://api.example.com' }) => await workOf(url, concurrency, await equip(url, inner())),
  })
  return [
    { ...variant('bare undici.request', bareRequest), role: 'floor' },
    { ...variant('evertoken', evertoken), role: 'ours', bound: 1.05 },
    { ...variant('undici-oidc-interceptor', oidcInterceptor), role: 'peer' },
  ]
}

function overLoopback(concurrency: number): Comparison {
  return {
    name: `undici-loopback-${concurrency}`,
    title: `undici over loopback, ${concurrency} at once`,
    about: '`undici.request` with a header, to a server on this machine, by connections that are kept.',
    apart: true,
    surroundings: startServer,
    variants: variants(concurrency, () => new Agent()),
  }
}

/** What a request by undici costs. */
export const group: Group = {
  title: 'Requests by undici',
  rows: [
    {
      name: 'undici-stub',
      title: 'undici without a network',
      about:
        '`undici.request` with a header and a dispatcher that answers at once: little but the interceptor is left.',
      apart: true,
      variants: variants(1, () => new DispatcherStub()).map(({ bound: _, ...variant }) => variant),
    },
    overLoopback(1),
    overLoopback(32),
  ],
}
