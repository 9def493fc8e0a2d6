import type { AxiosInstance } from 'axios'
import { type Logger, pino } from 'pino'
import { describe, expectTypeOf, it } from 'vitest'
import {
  type AccessToken,
  type ClientOptions,
  clientSecretBasic,
  TokenError,
  type TokenEvents,
  type TokenLogger,
  TokenManager,
  type TokenSource,
} from '../src/index.ts'

// Checked by the compiler; at run time only what is called here has to be there.

const ONE: ClientOptions = { tokenEndpoint: 'https://as.example/token', clientId: 'a', clientSecret: 's' }
const SEVERAL = { clients: { orders: ONE, billing: ONE } }

const one = new TokenManager(ONE)
const several = new TokenManager(SEVERAL)
const tenants = new TokenManager({ clients: (tenant: string) => ({ ...ONE, clientId: tenant }) })

/** Is compiled and never called. */
const compiled = (_code: () => unknown) => {}

describe('the types', () => {
  it('let a manager of one client be used without a name, and with none', () => {
    expectTypeOf(one).toEqualTypeOf<TokenManager<never>>()
    compiled(() => [one.getToken(), one.getToken({}), one.getToken({ scope: 'a' }), one.source(), one.getAccessToken()])
    // @ts-expect-error there is no client to name
    compiled(() => one.getToken({ client: 'orders' }))
    // @ts-expect-error there is no client to name
    compiled(() => one.source({ client: 'orders' }))
    // @ts-expect-error no such option
    compiled(() => one.getToken({ scopes: 'a' }))
  })

  it('demand the name of a known client where there are several', () => {
    expectTypeOf(several).toEqualTypeOf<TokenManager<'orders' | 'billing'>>()
    compiled(() => [several.getToken({ client: 'orders' }), several.source({ client: 'billing', scope: ['a'] })])
    // @ts-expect-error which client?
    compiled(() => several.getToken())
    // @ts-expect-error which client?
    compiled(() => several.getToken({ scope: 'a' }))
    // @ts-expect-error which client?
    compiled(() => several.getAccessToken())
    // @ts-expect-error no such client
    compiled(() => several.getToken({ client: 'order' }))
    // @ts-expect-error no such client
    compiled(() => several.source({ client: 'order' }))
    // @ts-expect-error no such client
    compiled(() => several.removeClient('order'))
    // @ts-expect-error no such client
    compiled(() => several.inspect({ client: 'order' }))
    // @ts-expect-error which client?
    compiled(() => several.inspect({ scope: 'a' }))
  })

  it('tell a manager of one client from one of several', () => {
    const ofOne = (_tokens: TokenManager) => {}
    const ofSeveral = (_tokens: TokenManager<'orders' | 'billing'>) => {}
    compiled(() => [ofOne(one), ofSeveral(several)])
    // @ts-expect-error its requests have to name a client
    compiled(() => ofOne(several))
    // @ts-expect-error it has no client of that name
    compiled(() => ofSeveral(one))
    // @ts-expect-error there is no client to name
    compiled(() => ofOne(tenants))
  })

  it('take any name where clients are known only at run time', () => {
    expectTypeOf(tenants).toEqualTypeOf<TokenManager<string>>()
    compiled((tenant = 'a' as string) => tenants.getToken({ client: tenant }))
    // @ts-expect-error which tenant?
    compiled(() => tenants.getToken())
    type Tenant = 'a' | 'b'
    expectTypeOf(new TokenManager({ clients: (_tenant: Tenant) => ONE })).toEqualTypeOf<TokenManager<Tenant>>()
  })

  it('keep the options of one client apart from those of several', () => {
    // @ts-expect-error belongs to each client
    compiled(() => new TokenManager({ ...SEVERAL, clientId: 'a' }))
    // @ts-expect-error no such option
    compiled(() => new TokenManager({ ...ONE, scopes: 'a' }))
    // @ts-expect-error no such option
    compiled(() => new TokenManager({ clients: { orders: { ...ONE, scopes: 'a' } } }))
    // @ts-expect-error a client's option beside `clients`
    compiled(() => new TokenManager({ clients: { orders: ONE }, clientId: 'a' }))
    // @ts-expect-error the client id is missing
    compiled(() => new TokenManager({ tokenEndpoint: 'https://as.example/token' }))
    compiled(() => new TokenManager({ ...SEVERAL, maxTokens: 5, logger: undefined, clock: undefined }))
  })

  it('take an environment variable for a secret, a function, and an async one', () => {
    expectTypeOf(process.env.CLIENT_SECRET).toExtend<ClientOptions['clientSecret']>()
    expectTypeOf<() => string>().toExtend<ClientOptions['clientSecret']>()
    expectTypeOf<() => Promise<string>>().toExtend<ClientOptions['clientSecret']>()
    expectTypeOf<() => string | undefined>().not.toExtend<ClientOptions['clientSecret']>()
    expectTypeOf<number>().not.toExtend<ClientOptions['clientSecret']>()
    compiled(
      () =>
        new TokenManager({
          ...ONE,
          issuer: process.env.ISSUER,
          clientSecret: process.env.CLIENT_SECRET,
          scope: process.env.SCOPE,
        }),
    )
  })

  it('know the methods of client authentication', () => {
    expectTypeOf(clientSecretBasic('s')).toExtend<ClientOptions['clientAuthentication']>()
    expectTypeOf<'client_secret_post'>().toExtend<ClientOptions['clientAuthentication']>()
    expectTypeOf<'private_key_jwt'>().not.toExtend<ClientOptions['clientAuthentication']>()
    expectTypeOf<string>().not.toExtend<ClientOptions['clientAuthentication']>()
  })

  it('take pino, the console and anything like them for a logger', () => {
    expectTypeOf<Logger>().toExtend<TokenLogger>()
    expectTypeOf(pino()).toExtend<TokenLogger>()
    expectTypeOf(pino().child({ module: 'tokens' })).toExtend<TokenLogger>()
    expectTypeOf<Console>().toExtend<TokenLogger>()
    expectTypeOf<{ info(text: string): void }>().not.toExtend<TokenLogger>()
  })

  it('take axios and fetch for a transport', () => {
    expectTypeOf<AxiosInstance>().toExtend<ClientOptions['transport']>()
    expectTypeOf<typeof globalThis.fetch>().toExtend<ClientOptions['transport']>()
    expectTypeOf<() => string>().not.toExtend<ClientOptions['transport']>()
  })

  it('give tokens, their text and handles', () => {
    expectTypeOf(one.getToken).returns.toEqualTypeOf<Promise<AccessToken>>()
    expectTypeOf(one.getAccessToken).returns.toEqualTypeOf<Promise<string>>()
    expectTypeOf(one.source).returns.toEqualTypeOf<TokenSource>()
    expectTypeOf<TokenSource['peek']>().returns.toEqualTypeOf<AccessToken | undefined>()
    expectTypeOf<TokenSource['getAccessToken']>().toExtend<() => Promise<string>>()
    expectTypeOf<AccessToken['reveal']>().returns.toBeString()
    expectTypeOf<AccessToken['scope']>().toEqualTypeOf<readonly string[]>()
  })

  it('give each listener its event', () => {
    one.on('tokenRejected', (event) => expectTypeOf(event).toEqualTypeOf<TokenEvents['tokenRejected']>())
    expectTypeOf(one.on('scopeNarrowed', ({ granted }) => void granted.length)).toEqualTypeOf<() => void>()
    one.on('tokenRequestFailed', ({ error }) => expectTypeOf(error).toEqualTypeOf<TokenError>())
    // @ts-expect-error no such event
    compiled(() => one.on('tokenRefreshed', () => {}))
    // @ts-expect-error events cannot be changed
    compiled(() => one.on('tokenRejected', (event) => delete event.client))
  })

  it('narrow what was thrown', () => {
    compiled((thrown = {} as unknown) => {
      if (thrown instanceof TokenError) expectTypeOf(thrown.retryable).toBeBoolean()
    })
  })
})
