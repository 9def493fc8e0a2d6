import axios, { type AxiosRequestConfig } from 'axios'
import { describe, expect, it } from 'vitest'
import { type AttachOptions, attachTokenManager } from '../../src/http/axios.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { clientOf, managed } from '../support/managed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { Api, failureOf } from './axios-api.ts'

function attached(options?: Parameters<typeof managed>[0], attachOptions?: AttachOptions<never>) {
  const { clock, server, tokens } = managed(options)
  const api = new Api()
  const client = api.client()
  const attachment = attachTokenManager(client, tokens, attachOptions)
  return { clock, server, tokens, api, client, attachment }
}

/** A manager of two clients that share a server. */
function twoClients() {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  const clients = {
    orders: clientOf(server, { clientId: 'orders-id', scope: 'orders.read' }),
    billing: clientOf(server, { clientId: 'billing-id', scope: 'billing.read' }),
  }
  return { clock, server, tokens: new TokenManager({ clock, clients }) }
}

describe('attachTokenManager', () => {
  it('makes every request carry the token, which is requested once', async () => {
    const { api, client, server } = attached()
    await client.get('/orders')
    await client.post('/orders', { id: 1 })
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
    expect(server.requests).toHaveLength(1)
  })

  it('sends the new token once the old one has expired', async () => {
    const { api, client, clock } = attached()
    await client.get('/orders')
    await clock.advance(3600_000)
    await client.get('/orders')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it('starts the refresh that is due and sends the current token meanwhile', async () => {
    const { api, client, clock, server } = attached()
    await client.get('/orders')
    await clock.advance(3000_000)
    const calls = [client.get('/orders'), client.get('/orders')]
    expect(api.requests).toHaveLength(3)
    await Promise.all(calls)
    await clock.settle()
    await client.get('/orders')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
    expect(server.requests).toHaveLength(2)
  })

  it('is one attachment however often the same manager is attached', async () => {
    const { api, client, tokens } = attached()
    const again = attachTokenManager(client, tokens)
    await client.get('/orders')
    api.answer = () => ({ status: 401 })
    await failureOf(client.get('/orders'))
    expect(api.requests).toHaveLength(3)
    again.detach()
    api.answer = () => ({})
    await client.get('/orders')
    expect(api.authorizations.at(-1)).toBeUndefined()
  })

  it('leaves an instance as it was when detached, however often', async () => {
    const { api, client, attachment, tokens } = attached()
    client.interceptors.request.use((config) =>
      Object.assign(config, { headers: config.headers.set('x-other', 'kept') }),
    )
    attachment.detach()
    attachment.detach()
    await client.get('/orders')
    expect(api.requests[0]?.authorization).toBeUndefined()
    expect(api.requests[0]?.config.headers['x-other']).toBe('kept')
    attachTokenManager(client, tokens)
    attachment.detach()
    await client.get('/orders')
    expect(api.authorizations.at(-1)).toBe('Bearer token-1')
  })

  it('stays detached for requests that come back', async () => {
    const { api, client, attachment } = attached()
    const { config } = await client.get('/orders')
    attachment.detach()
    api.answer = () => ({ status: 401 })
    await failureOf(client(config))
    expect(api.requests).toHaveLength(2)
  })

  it('is not undone by detaching an earlier attachment again', async () => {
    const { api, client, attachment, tokens } = attached()
    attachment.detach()
    attachTokenManager(client, tokens)
    attachment.detach()
    expect(() => attachTokenManager(client, managed().tokens)).toThrow('option `manager`')
    await client.get('/orders')
    expect(api.authorizations).toEqual(['Bearer token-1'])
  })

  it('refuses a second manager until the first is detached', async () => {
    const { api, client, attachment } = attached()
    const other = managed()
    expect(() => attachTokenManager(client, other.tokens)).toThrow(TypeError)
    expect(() => attachTokenManager(client, other.tokens)).toThrow('option `manager`')
    attachment.detach()
    attachTokenManager(client, other.tokens)
    await client.get('/orders')
    expect(api.authorizations).toEqual(['Bearer token-1'])
  })

  it.each([
    ['instance', () => attachTokenManager({} as never, managed().tokens)],
    ['instance', () => attachTokenManager(new axios.Axios() as never, managed().tokens)],
    ['scopes', () => attached({}, { scopes: 'x' } as never)],
    ['scope', () => attached({}, { scope: 'a"b' })],
    ['origins', () => attached({}, { origins: 'https://api.example.com' as never })],
    ['origins[0]', () => attached({}, { origins: ['api.example.com'] })],
    ['onOtherOrigin', () => attached({}, { onOtherOrigin: 'allow' as never })],
    ['replay', () => attached({}, { replay: 'some' as never })],
    ['isTokenRejected', () => attached({}, { isTokenRejected: 401 as never })],
    ['options', () => attached({}, null as never)],
  ])('refuses a wrong %s as soon as it attaches', (option, attach) => {
    expect(attach).toThrow(TypeError)
    expect(attach).toThrow(`\`${option}\``)
  })

  it('refuses a client that is not configured as soon as it attaches', () => {
    const attach = () => attachTokenManager(new Api().client(), twoClients().tokens, { client: 'stock' as never })
    expect(attach).toThrow(expect.objectContaining({ code: 'unknown_client' }))
  })

  it('takes the same options again, or none, and refuses others', () => {
    const { client, tokens } = attached({}, { scope: 'orders.read', origins: ['https://api.example.com'] })
    attachTokenManager(client, tokens)
    attachTokenManager(client, tokens, { scope: 'orders.read', origins: ['https://api.example.com'] })
    expect(() => attachTokenManager(client, tokens, { scope: 'orders.write' })).toThrow(
      /attached with other options already/,
    )
  })

  it('is put in place again after somebody has cleared the interceptors', async () => {
    const { api, client, tokens } = attached()
    client.interceptors.request.clear()
    attachTokenManager(client, tokens)
    await client.get('/orders')
    expect(api.authorizations).toEqual(['Bearer token-1'])
  })

  it('wants a manager', () => {
    const client = new Api().client()
    const mistakes = [undefined, { issuer: 'https://auth.example.com' }, managed().tokens.source()]
    for (const mistake of mistakes) {
      expect(() => attachTokenManager(client, mistake as never)).toThrow(/`manager` must be a TokenManager/)
    }
  })

  it('never lets a token request wait for a token: the transport is no attached instance', async () => {
    const transport = new Api().client()
    const { api, client, tokens } = attached({ transport })
    attachTokenManager(transport, tokens)
    expect(await failureOf(client.get('/orders'))).toMatchObject({
      code: 'unexpected',
      message: expect.stringContaining('`transport` must not be an axios instance that this manager gives tokens to'),
    })
    expect(api.requests).toEqual([])
  })

  it('lets an instance be the transport again once it is detached, and only then', async () => {
    const server = new Api()
    server.answer = () => ({ data: JSON.stringify({ access_token: 'x', token_type: 'Bearer', expires_in: 3600 }) })
    const transport = server.client()
    const { client, clock, tokens } = attached({ transport })
    const first = attachTokenManager(transport, tokens)
    first.detach()
    const second = attachTokenManager(transport, tokens)
    first.detach()
    expect((await failureOf(client.get('/orders'))).message).toContain('`transport`')
    second.detach()
    await clock.advance(60_000)
    await client.get('/orders')
    expect(server.requests).toHaveLength(1)
  })
})

describe('the token of one request', () => {
  it.each([
    ['a scope', { scope: 'orders.write' }, 'orders.write'],
    ['several scopes', { scope: ['b', 'a'] }, 'b a'],
    ['nothing in particular', {}, null],
  ])('is requested as the request says: %s', async (_, token, scope) => {
    const { api, client, server } = attached()
    await client.get('/orders', { token })
    expect(server.requests[0]?.form.get('scope')).toBe(scope)
    expect(api.authorizations).toEqual(['Bearer token-1'])
  })

  it('has the attachment’s parameters where it names none of its own', async () => {
    const { client, server } = attached({}, { scope: 'orders.read', audience: 'orders-api' })
    await client.get('/orders')
    await client.get('/orders', { token: { scope: 'orders.write' } })
    expect(server.requests.map(({ form }) => [form.get('scope'), form.get('audience')])).toEqual([
      ['orders.read', 'orders-api'],
      ['orders.write', 'orders-api'],
    ])
  })

  it('comes from the client that the attachment or the request names', async () => {
    const { tokens, server } = twoClients()
    const client = new Api().client()
    attachTokenManager(client, tokens, { client: 'orders', scope: 'orders.write' })
    await client.get('/')
    await client.get('/', { token: { client: 'billing' } })
    await client.get('/', { token: { client: 'orders', audience: 'x' } })
    expect(server.requests.map(({ form }) => [form.get('scope'), form.get('audience')])).toEqual([
      ['orders.write', null],
      ['billing.read', null],
      ['orders.write', 'x'],
    ])
  })

  it('carries its token whatever a polluted prototype says', async () => {
    const { api, client } = attached()
    Object.defineProperty(Object.prototype, 'token', { value: false, configurable: true })
    try {
      await client.get('/cold')
      await client.get('/warm')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'token')
    }
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
  })

  it('must name its client when the manager has several and the attachment names none', async () => {
    const { tokens } = twoClients()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    const error = await failureOf(client.get('/'))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('`client`')
    await client.get('/', { token: { client: 'billing' } })
    expect(api.requests).toHaveLength(1)
  })

  it('is the one of a handle, also when it is at hand', async () => {
    const { api, client, tokens, server } = attached()
    const token = tokens.source({ scope: 'admin' })
    await client.get('/orders', { token })
    await client.get('/orders', { token })
    await client.get('/orders')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
    expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(['admin', null])
  })

  it('is none with `token: false`', async () => {
    const { api, client, server } = attached()
    await client.get('/orders', { token: false })
    await client.get('https://elsewhere.example/', { token: false, auth: { username: 'u', password: 'p' } })
    expect(api.authorizations).toEqual([undefined, undefined])
    expect(server.requests).toEqual([])
  })

  it('can be a default of the instance', async () => {
    const { tokens, server } = managed()
    const api = new Api()
    const client = api.client({ token: { scope: 'orders.write' } })
    attachTokenManager(client, tokens)
    await client.get('/')
    await client.get('/', { token: false })
    expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(['orders.write'])
    expect(api.authorizations).toEqual(['Bearer token-1', undefined])
  })

  it.each([[true], [null], ['orders.write'], [1], [[]], [() => ({})]])('cannot be %j', async (token) => {
    const { api, client } = attached()
    await client.get('/orders')
    const error = await failureOf(client.get('/orders', { token: token as never }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('`token`')
    expect(api.requests).toHaveLength(1)
  })

  it('cannot have options that no token has', async () => {
    const { api, client } = attached()
    const error = await failureOf(client.get('/orders', { token: { scpoe: 'x' } as never }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('`scpoe`')
    expect(api.requests).toEqual([])
  })

  it('stays the one of its key while the attachment lives, whatever other tokens come and go', async () => {
    const { client, server } = attached({ maxTokens: 1 }, { scope: 'orders.write' })
    await client.get('/')
    for (const scope of ['a', 'b', 'c']) await client.get('/', { token: { scope } })
    await client.get('/', { token: { scope: 'orders.write' } })
    expect(server.requests).toHaveLength(4)
  })

  it('is at hand again after its client was removed and configured anew', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager<string>({ clock, clients: () => clientOf(server) })
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens, { client: 'tenant' })
    await client.get('/')
    tokens.removeClient('tenant')
    await client.get('/')
    const call = client.get('/')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-2'])
    await call
  })

  it('is refused once its client was removed', async () => {
    const { tokens } = twoClients()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens, { client: 'orders' })
    await client.get('/')
    tokens.removeClient('orders')
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'unknown_client' })
    expect(api.requests).toHaveLength(1)
  })
})

describe('a header of the caller’s own', () => {
  const spellings = ['Authorization', 'authorization', 'AUTHORIZATION', 'aUtHoRiZaTiOn']

  it.each(spellings)('is left alone, and an event says so: %s', async (name) => {
    const { api, client, server, tokens } = attached()
    const heard: unknown[] = []
    tokens.on('authorizationKept', (event) => heard.push(event))
    await client.get('/orders', { headers: { [name]: 'Basic own' } })
    expect(api.authorizations).toEqual(['Basic own'])
    expect(server.requests).toEqual([])
    expect(heard).toEqual([{ client: 'default', origin: 'https://api.example.com' }])
  })

  it.each(spellings)('is left alone when the token is at hand too: %s', async (name) => {
    const { api, client, tokens } = attached()
    await client.get('/orders')
    const heard: unknown[] = []
    tokens.on('authorizationKept', (event) => heard.push(event))
    await client.get('/orders', { headers: { [name]: 'Basic own' } })
    expect(api.authorizations.at(-1)).toBe('Basic own')
    expect(heard).toEqual([{ client: 'default', origin: 'https://api.example.com' }])
  })

  it.each(spellings.flatMap((name) => [null, false].map((value) => [name, value] as const)))(
    'is not what `%s: %s` is',
    async (name, value) => {
      const { api, client } = attached()
      await client.get('/orders', { headers: { [name]: value } as never })
      await client.get('/orders', { headers: { [name]: value } as never })
      expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
      const names = Object.keys(api.requests[1]?.config.headers ?? {}).filter(
        (key) => key.toLowerCase() === 'authorization',
      )
      expect(names).toEqual(['Authorization'])
    },
  )

  it('is not the one that we wrote and that comes back: that is replaced', async () => {
    const { api, client, clock } = attached()
    const first = await client.get('/orders')
    await clock.advance(3600_000)
    const second = await client(first.config)
    await client(second.config)
    await client(second.config)
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-2', 'Bearer token-2'])
  })

  it('is not what is left of ours on a request that is sent again with `token: false`', async () => {
    const { api, client } = attached()
    const first = await client.get('/orders')
    await client({ ...first.config, token: false })
    expect(api.authorizations).toEqual(['Bearer token-1', undefined])
  })

  it('stays when the API rejects it: the token is not asked for', async () => {
    const { api, client, server } = attached()
    api.answer = () => ({ status: 401 })
    await failureOf(client.get('/orders', { headers: { Authorization: 'Basic own' } }))
    expect(api.requests).toHaveLength(1)
    expect(server.requests).toEqual([])
  })
})

describe('axios’s `auth` option', () => {
  it('conflicts with the token: nothing is sent, whether or not the token is at hand', async () => {
    const { api, client } = attached()
    const auth = { username: 'u', password: 'p' }
    const cold = await failureOf(client.get('/orders', { auth }))
    await client.get('/orders')
    const warm = await failureOf(client.get('/orders', { auth }))
    expect(cold).toMatchObject({ code: 'authorization_conflict', hint: expect.stringContaining('token: false') })
    expect(warm).toMatchObject({ code: 'authorization_conflict' })
    expect(api.requests).toHaveLength(1)
  })

  it('is the caller’s business beside a header of the caller’s', async () => {
    const { api, client } = attached()
    await client.get('/orders', { auth: { username: 'u', password: 'p' }, headers: { authorization: 'Basic own' } })
    expect(api.authorizations).toEqual(['Basic own'])
  })
})

describe('many requests at once', () => {
  it('share one token request: 1,000 cold', async () => {
    const { api, client, server } = attached()
    await Promise.all(Array.from({ length: 1000 }, () => client.get('/orders')))
    expect(server.requests).toHaveLength(1)
    expect(new Set(api.authorizations)).toEqual(new Set(['Bearer token-1']))
    expect(api.requests).toHaveLength(1000)
  })

  it.each([
    ['a denial, which is not repeated', { status: 401, body: { error: 'invalid_client' } }, 1, 'request_denied'],
    ['an outage, which is tried three times', { status: 503 }, 3, 'server_unavailable'],
  ])('share one failure: %s', async (_, byDefault, attempts, code) => {
    const { api, client, clock, server } = attached()
    server.byDefault = byDefault
    const failures = Array.from({ length: 1000 }, () => failureOf(client.get('/orders')))
    await clock.advance(60_000)
    const [first, ...others] = await Promise.all(failures)
    expect(first).toMatchObject({ code })
    expect(others.every((error) => error === first)).toBe(true)
    expect(server.requests).toHaveLength(attempts)
    expect(api.requests).toEqual([])
  })

  it('do not make the failure they share grow', async () => {
    const { client, server } = attached()
    server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    const here = () => failureOf(client.get('/orders'))
    const there = () => failureOf(client.get('/orders'))
    const { stack } = await here()
    for (const call of [there, here, there, here]) expect((await call()).stack).toBe(stack)
  })
})

describe('several instances of one manager', () => {
  it('share a token, the one that replaces it when either’s API rejects it, and nothing else', async () => {
    const { api, client, server, tokens } = attached()
    const other = new Api()
    const otherClient = other.client({ baseURL: 'https://billing.example.com' })
    attachTokenManager(otherClient, tokens)
    await Promise.all([client.get('/'), otherClient.get('/')])
    other.answer = ({ authorization }) => ({ status: authorization === 'Bearer token-1' ? 401 : 200 })
    await otherClient.get('/')
    await client.get('/')
    expect(server.requests).toHaveLength(2)
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(other.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
    for (const [from, to] of [
      [client, 'https://billing.example.com/'],
      [otherClient, 'https://api.example.com/'],
    ] as const) {
      expect(await failureOf(from.get(to))).toMatchObject({ code: 'origin_refused' })
    }
  })

  it('have each the token of its own client', async () => {
    const { tokens, server } = twoClients()
    const apis = { orders: new Api(), billing: new Api() }
    const clients = (['orders', 'billing'] as const).map((client) => {
      const instance = apis[client].client()
      attachTokenManager(instance, tokens, { client })
      return instance
    })
    for (const _ of ['cold', 'warm']) await Promise.all(clients.map((client) => client.get('/')))
    expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(['orders.read', 'billing.read'])
    expect(apis.orders.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
    expect(apis.billing.authorizations).toEqual(['Bearer token-2', 'Bearer token-2'])
  })

  it.each(['before', 'after'])('can be called in each other’s interceptors, added %s ours', async (side) => {
    const { server, tokens } = managed()
    const [api, inner] = [new Api(), new Api()]
    api.answer = ({ authorization }) => ({ status: authorization === 'Bearer token-1' ? 401 : 200 })
    const [client, innerClient] = [api.client(), inner.client()]
    attachTokenManager(innerClient, tokens)
    if (side === 'after') attachTokenManager(client, tokens)
    client.interceptors.request.use(async (config) => {
      await innerClient.get('/rules')
      // The same instance once more: it must not wait for itself.
      if (config.url !== '/self') await client.get('/self')
      return config
    })
    client.interceptors.response.use(async (answer) => {
      await innerClient.post('/audit')
      return answer
    })
    if (side === 'before') attachTokenManager(client, tokens)
    expect((await client.get('/orders')).status).toBe(200)
    const arrived = api.requests.map(({ url, authorization }) => [new URL(url).pathname, authorization])
    expect(arrived.filter(([, authorization]) => authorization === 'Bearer token-2')).toEqual([
      ['/self', 'Bearer token-2'],
      ['/orders', 'Bearer token-2'],
    ])
    expect(inner.authorizations.every((authorization) => /^Bearer token-[12]$/.test(String(authorization)))).toBe(true)
    expect(inner.requests.filter(({ url }) => url.endsWith('/rules'))).toHaveLength(2)
    expect(server.requests).toHaveLength(2)
  })
})

describe('waiting for a token', () => {
  /** A way to give up on a request: what its config has, and how. */
  type GivingUp = () => [config: AxiosRequestConfig, giveUp: () => void]
  const ways: [string, GivingUp][] = [
    [
      'signal',
      () => {
        const controller = new AbortController()
        return [{ signal: controller.signal }, () => controller.abort()]
      },
    ],
    [
      'cancel token',
      () => {
        const { token, cancel } = axios.CancelToken.source()
        return [{ cancelToken: token }, cancel]
      },
    ],
    [
      'signal beside a cancel token',
      () => {
        const controller = new AbortController()
        return [{ signal: controller.signal, cancelToken: axios.CancelToken.source().token }, () => controller.abort()]
      },
    ],
    [
      'cancel token beside a signal',
      () => {
        const { token, cancel } = axios.CancelToken.source()
        return [{ cancelToken: token, signal: new AbortController().signal }, cancel]
      },
    ],
  ]

  it.each(ways)('ends within one turn for a caller who gives up by %s; others are served', async (_, way) => {
    const { api, client, clock, server } = attached()
    server.script.push({ afterMs: 1000 })
    const [config, giveUp] = way()
    const given = failureOf(client.get('/given-up', config))
    const others = [client.get('/other'), client.get('/other', way()[0])]
    await clock.advance(500)
    giveUp()
    const turn = new Promise((resolve) => setImmediate(resolve, 'one turn later'))
    expect(axios.isCancel(await Promise.race([given, turn]))).toBe(true)
    expect(clock.pendingSleeps).toBeGreaterThan(0)
    await clock.advance(500)
    await Promise.all(others)
    expect(api.requests.map(({ url }) => url)).toEqual(Array(2).fill('https://api.example.com/other'))
    expect(server.requests).toHaveLength(1)
  })

  it.each(ways)('ends within one turn for the only caller, who gives up by %s', async (_, way) => {
    const { api, client, clock, server } = attached()
    server.byDefault = { hang: true }
    const [config, giveUp] = way()
    const given = failureOf(client.get('/', config))
    await clock.settle()
    giveUp()
    const turn = new Promise((resolve) => setImmediate(resolve, 'one turn later'))
    expect(axios.isCancel(await Promise.race([given, turn]))).toBe(true)
    expect(api.requests).toEqual([])
  })

  it.each(ways)('does not begin for a caller who has given up by %s', async (_, way) => {
    const { api, client, server } = attached()
    const [config, giveUp] = way()
    giveUp()
    expect(axios.isCancel(await failureOf(client.get('/', config)))).toBe(true)
    expect(server.requests).toEqual([])
    expect(api.requests).toEqual([])
  })

  it('says what the caller said when giving up by a cancel token, and leaves nothing with that token', async () => {
    const { client, server, clock } = attached()
    const { token, cancel } = axios.CancelToken.source()
    await client.get('/', { cancelToken: token })
    expect(token).toMatchObject({ _listeners: [] })
    server.byDefault = { hang: true }
    await clock.advance(3600_000)
    const failure = failureOf(client.get('/', { cancelToken: token }))
    cancel('not needed any more')
    expect((await failure).message).toBe('not needed any more')
  })

  it('ends when the request’s timeout does; others are served', async () => {
    const { api, client, clock, server } = attached()
    server.script.push({ afterMs: 1000 })
    const impatient = failureOf(client.get('/impatient', { timeout: 300 }))
    const patient = client.get('/patient', { timeout: 2000 })
    const patientToo = client.get('/patient', { timeout: 0 })
    await clock.advance(300)
    expect(await impatient).toMatchObject({ code: 'wait_timeout', retryable: true })
    await clock.advance(700)
    await Promise.all([patient, patientToo])
    expect(api.requests).toHaveLength(2)
    expect(clock.pendingSleeps).toBe(0)
  })
})

describe('an error of ours', () => {
  it('cannot be taken for one of the API’s', async () => {
    const { client, server } = attached()
    server.byDefault = { status: 403, body: { error: 'access_denied' } }
    const error = await failureOf(client.get('/orders'))
    expect(error).toMatchObject({ name: 'TokenResponseError', code: 'request_denied', status: 403 })
    expect(axios.isAxiosError(error)).toBe(false)
    for (const name of ['config', 'request', 'response', 'isAxiosError']) expect(error).not.toHaveProperty(name)
  })
})
