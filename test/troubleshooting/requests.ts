import axios from 'axios'
import { type TokenManager, tokenExchange } from 'evertoken'
import { type AttachOptions, attachTokenManager } from 'evertoken/axios'
import { createTokenFetch } from 'evertoken/fetch'
import { RedisTokenStore } from 'evertoken/redis'
import { tokenInterceptor } from 'evertoken/undici'
import { createClient } from 'redis'
import { closedRedis } from './closed-redis.ts'
import { type Mistake, type Mistakes, managerWith, toldBy } from './mistake.ts'

const ORIGINS = ['https://api.example.com']
const BASE = { baseURL: 'https://api.example.com' }

const OK = { status: 200, statusText: '', data: '', headers: {} }

const wrong = (mistake: string, says: string, make: () => unknown, error = 'TypeError'): Mistake => ({
  mistake,
  says,
  error,
  make,
})

/** A manager that gives tokens without a server. */
function withTokens(): TokenManager {
  let issued = 0
  const requestToken = () => {
    issued += 1
    return { accessToken: `Marker-T0ken-${issued}`, lifetimeMs: 60_000 }
  }
  return managerWith({ tokenEndpoint: undefined, clientSecret: undefined, requestToken })
}

function attached(config: object, options: AttachOptions<never> = {}): ReturnType<typeof axios.create> {
  const api = axios.create(config)
  attachTokenManager(api, withTokens(), options)
  return api
}

export const REQUESTS: Mistakes = {
  heading: 'Requests to the API',
  mistakes: [
    wrong(
      'axios without `baseURL`',
      'Give the axios instance a `baseURL`',
      () => attached({}).get('/orders'),
      'origin_refused',
    ),
    wrong(
      'axios: a request to another origin',
      'add its origin to the option `origins`',
      () => attached(BASE).get('https://other.example.com/'),
      'origin_refused',
    ),
    wrong(
      'axios: `baseURL` with `http:`',
      'Use the https address',
      () => attached({ baseURL: 'http://api.example.com' }).get('/'),
      'insecure_url',
    ),
    wrong(
      "axios's own `auth` beside the token",
      'Remove `auth`',
      () => attached({ ...BASE, auth: { username: 'a', password: 'b' } }).get('/'),
      'authorization_conflict',
    ),
    wrong('axios: the same instance attached twice, with other options', 'attached with other options already', () => {
      const api = axios.create(BASE)
      const tokens = withTokens()
      attachTokenManager(api, tokens)
      attachTokenManager(api, tokens, { scope: 'orders.write' })
    }),
    wrong('axios: the same instance attached to two managers', 'Detach that first', () => {
      const api = attached(BASE)
      attachTokenManager(api, withTokens())
    }),
    wrong('axios: arguments the other way round', 'must be an axios instance', () =>
      attachTokenManager(withTokens() as never, axios.create() as never),
    ),
    wrong('axios: the options for the manager', 'new TokenManager({ … })', () =>
      attachTokenManager(axios.create(BASE), { clientId: 'a' } as never),
    ),
    wrong("axios: `token: { scopes: 'a' }` of a request", 'Did you mean `scope`?', () =>
      attached(BASE).get('/', { token: { scopes: 'a' } as never }),
    ),
    wrong('axios: the text of a token as `token` of a request', 'evertoken gets the token itself', () =>
      attached(BASE).get('/', { token: 'eyJ' as never }),
    ),
    wrong(
      '`transport` is an instance that the manager is attached to',
      'Use `axios.create()`',
      async () => {
        const transport = axios.create(BASE)
        const tokens = managerWith({ transport, maxAttempts: 1 })
        attachTokenManager(transport, tokens)
        await tokens.getToken()
      },
      'unexpected',
    ),
    wrong('`createTokenFetch` without `origins`', 'Say which may get the token', () =>
      createTokenFetch(withTokens(), {} as never),
    ),
    wrong('`createTokenFetch({ baseUrl })`', 'Did you mean `origins`?', () =>
      createTokenFetch(withTokens(), { baseUrl: 'https://api.example.com' } as never),
    ),
    wrong('`origins` with a path', 'must be an origin', () =>
      createTokenFetch(withTokens(), { origins: ['https://api.example.com/v1'] }),
    ),
    wrong('`origins` as one text', 'must be a list', () =>
      tokenInterceptor(withTokens(), { origins: 'https://api.example.com' as never }),
    ),
    wrong(
      '`fetch` to another origin',
      'add its origin to the option `origins`',
      () => createTokenFetch(withTokens(), { origins: ORIGINS })('https://other.example.com'),
      'origin_refused',
    ),
    wrong(
      '`grant: tokenExchange()`, and a request without `subjectToken`',
      "Give the user's token with the call",
      () => managerWith({ grant: tokenExchange() }).getToken(),
      'subject_token_missing',
    ),
    wrong('`subjectToken` with the word `Bearer`', 'without the scheme', () =>
      managerWith({ grant: tokenExchange() }).source({ subjectToken: 'Bearer eyJ' }),
    ),
    wrong('`subjectToken`, and the grant is not for users', '`grant: tokenExchange()`', () =>
      managerWith({}).source({ subjectToken: 'eyJ' }),
    ),
    wrong(
      'A request after `close()`',
      'Close it after the last request',
      async () => {
        const tokens = managerWith({})
        await tokens.close()
        await tokens.getToken()
      },
      'closed',
    ),
    {
      mistake: 'An `Authorization` header of the application, or of its proxy, beside the token',
      error: 'authorizationKept',
      says: '',
      remedy: 'The header is left alone, and the token is not sent: take the header away.',
      make: async () => {
        const tokens = withTokens()
        const api = axios.create({ ...BASE, adapter: async (config) => ({ ...OK, config }) })
        attachTokenManager(api, tokens)
        await toldBy(tokens, 'authorizationKept', () => api.get('/', { headers: { Authorization: 'Basic YTpi' } }))
      },
    },
    {
      mistake: 'Tokens for another API, audience or environment: the API rejects each of them',
      error: 'freshTokenRejected',
      says: '',
      remedy:
        'Check `audience`, `resource` and `scope` against what the API wants; its answer, 401, is what the request fails with.',
      make: async () => {
        const tokens = withTokens()
        const api = axios.create({
          ...BASE,
          adapter: async (config) => ({ ...OK, status: 401, config }),
          validateStatus: null,
        })
        attachTokenManager(api, tokens)
        await toldBy(tokens, 'freshTokenRejected', () => api.get('/'))
      },
    },
    wrong(
      'Seconds for milliseconds: `getToken({ timeoutMs: 5 })`',
      'milliseconds',
      () => managerWith({ transport: () => new Promise(() => {}) }).getToken({ timeoutMs: 5 }),
      'wait_timeout',
    ),
  ],
}

const KEY = Buffer.from('0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0', 'hex')
const client = createClient({ url: 'redis://127.0.0.1:1' })
const store = (options: object) => () => new RedisTokenStore(client as never, options as never)

export const STORE: Mistakes = {
  heading: 'A shared store',
  mistakes: [
    wrong('No `encryptionKeys`', 'openssl rand -base64 32', store({})),
    wrong(
      'A passphrase as `encryptionKeys`',
      'A passphrase will not do',
      store({ encryptionKeys: 'correct horse battery staple 1234' }),
    ),
    wrong('A key of another length', '32 random bytes', store({ encryptionKeys: KEY.subarray(16) })),
    wrong('The same key twice', 'the same key twice', store({ encryptionKeys: [KEY, KEY] })),
    wrong(
      'The URL of Redis for a client',
      'Make one of the URL',
      () => new RedisTokenStore('redis://127.0.0.1' as never, { encryptionKeys: KEY }),
    ),
    wrong(
      'The options of Redis for a client',
      'must be a client of the package',
      () => new RedisTokenStore({ url: 'redis://127.0.0.1' } as never, { encryptionKeys: KEY }),
    ),
    wrong('The Redis client for the store: `store: redis`', 'RedisTokenStore', () => managerWith({ store: client })),
    wrong('No store, written as `null` or `false`', 'Leave it out', () => managerWith({ store: null })),
    {
      mistake: 'A Redis client that was not connected',
      error: 'storeFailed',
      says: 'ClientClosedError',
      remedy: 'Connect it first: `await redis.connect()`.',
      make: () => askStore(client as never),
    },
    {
      mistake: 'No Redis at that address',
      error: 'storeFailed',
      says: 'timeout',
      remedy:
        'Check the URL. Other reasons are the words of Redis, such as `WRONGPASS`, `NOAUTH`, `NOPERM` and `READONLY`.',
      make: () => closedRedis((redis) => askStore(redis)),
    },
  ],
}

async function askStore(redis: ConstructorParameters<typeof RedisTokenStore>[0]): Promise<void> {
  const transport = async () => Response.json({ access_token: 'Marker-T0ken', token_type: 'Bearer', expires_in: 60 })
  const tokens = managerWith({ transport, store: new RedisTokenStore(redis, { encryptionKeys: KEY }) })
  await toldBy(tokens, 'storeFailed', () => tokens.getToken())
}
