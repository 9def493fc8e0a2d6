import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import axios, { type AxiosInstance } from 'axios'
import pino from 'pino'
import { afterAll, describe, expect, it } from 'vitest'
import type { ClientAuthentication, TokenRequestDraft } from '../src/client-authentication/client-authentication.ts'
import { clientSecretJwt } from '../src/client-authentication/client-secret-jwt.ts'
import { secretFromFile } from '../src/client-authentication/mounted-file.ts'
import { privateKeyJwt } from '../src/client-authentication/private-key-jwt.ts'
import { workloadIdentity } from '../src/client-authentication/workload-identity.ts'
import type { ClientOptions } from '../src/client-options.ts'
import { type Clock, systemClock } from '../src/clock.ts'
import { EVENT_NAMES } from '../src/events.ts'
import { jwtBearer } from '../src/grant/jwt-bearer.ts'
import { tokenExchange } from '../src/grant/token-exchange.ts'
import { attachTokenManager } from '../src/http/axios.ts'
import { TokenManager } from '../src/token-manager.ts'
import type { FetchLike } from '../src/transport.ts'
import { type ReceivedRequest, type Respond, sendJson, startServer, type TestServer } from './support/http-server.ts'
import { TestAuthority } from './support/tls.ts'

const CLIENT_ID = 'Marker-Cl1ent'
const SECRET = 'Marker-S3cret/+ä'
const TOKEN = 'Marker-T0ken'
const ASSERTION = 'Marker-Ass3rtion'
const BASIC = [`${CLIENT_ID}:${encodeURIComponent(SECRET)}`, `${CLIENT_ID}:${SECRET}`, SECRET]

// Cut short, so that parts are found too, and in lower case, as hosts and media types are written.
const MARKS = [
  'Marker-Cl1ent',
  'Marker-S3cret',
  TOKEN,
  ASSERTION,
  ...BASIC.map((each) => Buffer.from(each).toString('base64').slice(0, 24)),
]

/** Each secret that is found in the texts, with what is around it; in any letter case, Base64 included. */
function secretsIn(...texts: string[]): string[] {
  const found = texts.flatMap((text) => {
    const lower = text.toLowerCase()
    const places = MARKS.map((mark) => [mark, lower.indexOf(mark.toLowerCase())] as const).filter(([, at]) => at !== -1)
    return places.map(([mark, at]) => `${mark}: ${text.slice(Math.max(0, at - 80), at + 80)}`)
  })
  return [...new Set(found)]
}

// Draws no pauses between attempts.
const clock: Clock = { ...systemClock, random: () => 0 }

const THOROUGH = { depth: null, maxStringLength: null, maxArrayLength: null }

/** Whatever can be made of an object by printing it. */
function everyPrint(value: unknown): string[] {
  return [
    inspect(value),
    inspect(value, { ...THOROUGH, showHidden: true, getters: true }),
    inspect(value, { ...THOROUGH, showHidden: true, getters: true, customInspect: false }),
    String(JSON.stringify(value)),
    String(value),
  ]
}

/** Everything that comes out of an error of ours. */
function everyOutput(error: unknown): string[] {
  const outputs: string[] = []
  for (let each = error; each !== undefined; each = (each as Error).cause) {
    const { message, stack, toJSON } = each as Error & { toJSON?: () => unknown }
    outputs.push(...everyPrint(each), message, String(stack), ...everyPrint(toJSON?.call(each)))
    outputs.push(inspect(Object.getOwnPropertyDescriptors(each), THOROUGH))
  }
  return outputs
}

/** A manager whose every event and log line is kept. */
function watched(options: ClientOptions) {
  const written: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => written.push(line) })
  const tokens = new TokenManager({ logger, ...options })
  for (const name of EVENT_NAMES) {
    tokens.on(name, (event) =>
      written.push(name, ...everyPrint(event), ...('error' in event ? everyOutput(event.error) : [])),
    )
  }
  const source = tokens.source()
  const outputs = () => {
    const current = source.peek()
    return [
      ...written,
      ...[tokens, source, current, tokens.inspect(), source.inspect()].flatMap(everyPrint),
      ...(current === undefined ? [] : everyPrint(current.toJSON())),
    ]
  }
  return { tokens, source, written, outputs }
}

const SECRETS: [string, Partial<ClientOptions>][] = [
  ['a string, by Basic', { clientSecret: SECRET, clientAuthentication: 'client_secret_basic' }],
  ['a string, unencoded', { clientSecret: SECRET, clientAuthentication: 'client_secret_basic', basicEncoding: 'raw' }],
  ['from a supplier, in the body', { clientSecret: async () => SECRET, clientAuthentication: 'client_secret_post' }],
]

const TRANSPORTS: [string, Partial<ClientOptions>][] = [
  ['axios', {}],
  ['fetch', { transport: fetch }],
]

function optionsFor(server: TestServer, ...options: Partial<ClientOptions>[]): ClientOptions {
  return {
    ...{ clientId: CLIENT_ID, tokenEndpoint: `${server.origin}/token`, allowInsecureLoopback: true, proxy: undefined },
    ...{ parameters: { voucher: ASSERTION }, attemptTimeoutMs: 20_000, timeoutMs: 25_000, maxAttempts: 2, clock },
    ...Object.assign({}, ...options),
  }
}

const noAnswer: Respond = () => {}

/** Where no answer comes, the time is up soon after a request has arrived, and not before, however busy the machine is. */
function timesFor(respond: Respond, { requests }: TestServer): Partial<ClientOptions & { clock: Clock }> {
  if (respond !== noAnswer) return {}
  const sleep: Clock['sleep'] = async (ms, signal, options) => {
    while (requests.length === 0) await clock.sleep(10, signal, options)
    await clock.sleep(ms, signal, options)
  }
  return { clock: { ...clock, sleep }, attemptTimeoutMs: 100 }
}

/** All that the client sent, in one text. */
function echo({ url, headers, body }: ReceivedRequest): string {
  const { authorization = '' } = headers
  const basic = Buffer.from(authorization.slice('Basic '.length), 'base64').toString()
  return [url, authorization, basic, decodeURIComponent(basic), body, decodeURIComponent(body)].join(' ')
}

const KINDS: [string, Respond][] = [
  [
    'a denial that echoes',
    (response, request) => {
      const text = echo(request)
      sendJson(
        response,
        { error: 'invalid_client', error_description: text, error_uri: `https://x/?${text}`, access_token: TOKEN },
        401,
      )
    },
  ],
  [
    'a denial whose error is a secret',
    (response) => sendJson(response, { error: CLIENT_ID, error_description: SECRET }, 400),
  ],
  [
    'a denial with secrets in its headers',
    (response, request) => {
      response.setHeader('x-request-id', `${encodeURIComponent(SECRET)} ${CLIENT_ID} ${request.body}`)
      response.setHeader('www-authenticate', `Basic realm="${encodeURIComponent(SECRET)}"`)
      sendJson(response, { error: 'invalid_scope' }, 400)
    },
  ],
  [
    'an outage that echoes',
    (response, request) => sendJson(response, { error: 'server_error', error_description: echo(request) }, 503),
  ],
  [
    'a web page that echoes',
    (response, request) => response.writeHead(200, { 'content-type': 'text/html' }).end(`<p>${echo(request)}`),
  ],
  [
    'a media type that echoes',
    (response) => response.writeHead(200, { 'content-type': `text/${CLIENT_ID}` }).end(TOKEN),
  ],
  [
    'a redirect that echoes',
    (response, request) =>
      response.writeHead(307, { location: `https://${CLIENT_ID}.example/?${encodeURIComponent(echo(request))}` }).end(),
  ],
  ['an answer that is too large', (response, request) => response.end(echo(request).repeat(2000))],
  ['JSON that is cut short', (response) => response.end(`{"access_token":"${TOKEN}`)],
  [
    'a token that cannot be sent',
    (response) => sendJson(response, { access_token: `${TOKEN}\r\n`, token_type: 'Bearer' }),
  ],
  [
    'a token of an unknown type',
    (response, request) => sendJson(response, { access_token: TOKEN, token_type: `mac ${echo(request)}` }),
  ],
  [
    'a token that has expired on arrival',
    (response) => sendJson(response, { access_token: TOKEN, token_type: 'Bearer', expires_in: 'soon' }),
  ],
  [
    'a token with odd members',
    (response, request) =>
      sendJson(response, {
        access_token: TOKEN,
        token_type: 'Bearer',
        expires_in: -1,
        scope: 'a',
        id_token: echo(request),
      }),
  ],
  ['a connection that breaks', (_, __, incoming) => incoming.socket.destroy()],
  ['no answer', noAnswer],
]

describe('a token request that fails', () => {
  const table = TRANSPORTS.flatMap(([transport, how]) =>
    SECRETS.flatMap(([secret, options]) =>
      KINDS.map(([kind, respond]) => [kind, secret, transport, respond, { ...how, ...options }] as const),
    ),
  )

  it.concurrent.each(table)(
    'shows no secret in error, event, log or inspection: %s; secret %s; %s',
    async (_, __, ___, respond, options) => {
      await using server = await startServer(respond)
      const { tokens, source, written, outputs } = watched(optionsFor(server, options, timesFor(respond, server)))
      const error = await tokens.getToken().catch((reason) => reason)
      expect(server.requests[0]?.body).toContain(ASSERTION)
      expect(written).not.toEqual([])
      const found = [
        ...(error instanceof Error ? everyOutput(error) : everyPrint(error)),
        ...outputs(),
        source.key().split(CLIENT_ID).join('').split(ASSERTION).join(''),
      ]
      expect(secretsIn(...found)).toEqual([])
    },
  )

  const connections: [string, string, Partial<ClientOptions>][] = [
    ['a certificate that is not trusted', 'tls', { proxy: false }],
    ['a port that nobody listens on', 'network', { tokenEndpoint: 'http://127.0.0.1:1/token' }],
  ]
  it.each(connections.flatMap((each) => SECRETS.map(([secret, options]) => [...each, secret, options] as const)))(
    'shows no secret: %s (%s)',
    async (_, code, endpoint, __, options) => {
      await using server = await startServer((response) => sendJson(response, {}), new TestAuthority().issue())
      const { tokens, outputs } = watched(optionsFor(server, options, { maxAttempts: 1 }, endpoint))
      const error = await tokens.getToken().catch((reason) => reason)
      expect(error).toMatchObject({ code })
      expect(secretsIn(...everyOutput(error), ...outputs())).toEqual([])
    },
  )

  const suppliers: [string, () => unknown][] = [
    [
      'throws an error that tells',
      () => {
        throw Object.assign(new Error(`cannot read ${ASSERTION}`), { config: { data: SECRET } })
      },
    ],
    ['gives a secret with a line break', () => `${SECRET}\n`],
    ['gives no string', () => ({ value: SECRET })],
  ]
  it.each(suppliers)('shows no secret: the supplier %s', async (what, clientSecret) => {
    await using server = await startServer((response) => sendJson(response, {}))
    const { tokens, outputs } = watched(
      optionsFor(server, { clientSecret: clientSecret as () => string, maxAttempts: 1 }),
    )
    const error = await tokens.getToken().catch((reason) => reason)
    expect(error).toMatchObject({ code: 'secret_unavailable' })
    // What a supplier says of itself is its own affair; what it holds is not shown.
    const found = secretsIn(...everyOutput(error), ...outputs())
    expect(found.filter((leak) => !what.startsWith('throws') || !leak.startsWith(ASSERTION))).toEqual([])
  })

  it('shows no secret: the server percent-encodes what it echoes', async () => {
    const respond: Respond = (response, request) =>
      sendJson(
        response,
        { error: 'invalid_scope', error_description: encodeURIComponent(String(request.headers.authorization)) },
        400,
      )
    await using server = await startServer(respond)
    for (const [, options] of SECRETS) {
      const { tokens, outputs } = watched(optionsFor(server, options))
      const error = await tokens.getToken().catch((reason) => reason)
      expect(secretsIn(...everyOutput(error), ...outputs())).toEqual([])
    }
  })

  it('shows no secret: the transport throws an error that holds the request', async () => {
    await using server = await startServer((response) => sendJson(response, {}))
    const transport = async (url: string, init: object) => {
      throw Object.assign(new Error(`failed: ${url} ${JSON.stringify(init)}`), {
        config: init,
        cause: new Error(JSON.stringify(init)),
      })
    }
    for (const [, options] of SECRETS) {
      const { tokens, outputs } = watched(optionsFor(server, options, { transport, maxAttempts: 1 }))
      const error = await tokens.getToken().catch((reason) => reason)
      expect(error).toMatchObject({ code: 'network' })
      expect(secretsIn(...everyOutput(error), ...outputs())).toEqual([])
    }
  })
})

describe('a method of authentication that does not say what is secret', () => {
  it('shows no secret all the same, nor do private parameters', async () => {
    const transport: FetchLike = async (_, { body, headers }) => {
      throw new Error(`${body} ${decodeURIComponent(String(body))} ${JSON.stringify(headers)}`)
    }
    const clientAuthentication = Object.assign(
      ({ body, headers }: TokenRequestDraft) => {
        body.set('client_assertion', ASSERTION)
        headers.authorization = `Custom ${SECRET}`
      },
      { method: 'custom' },
    )
    const { tokens, outputs } = watched({
      ...{ tokenEndpoint: 'https://auth.example.com/token', clientId: CLIENT_ID, transport, maxAttempts: 1 },
      ...{ clientAuthentication, parameters: { pin: TOKEN } },
    })
    const error = await tokens.getToken().catch((reason) => reason)
    expect(error).toMatchObject({ code: 'network' })
    expect(secretsIn(...everyOutput(error), ...outputs())).toEqual([])
  })
})

describe('a client that authenticates by an assertion', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evertoken-no-secrets-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const [secretFile, platformFile] = [join(folder, 'secret'), join(folder, 'platform')]
  const long = `${SECRET} of 32 bytes and more`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = privateKey.export({ format: 'jwk' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const platform = `eyJ9.${Buffer.from(JSON.stringify({ sub: ASSERTION })).toString('base64url')}.${ASSERTION}`
  const broken = pem.slice(0, 800)
  writeFileSync(secretFile, SECRET)
  writeFileSync(platformFile, platform)

  /** Members of the private key, lines of its PEM, and the parts of what was sent that prove something. */
  function partsOf(server: TestServer): string[] {
    const { d, p, q, dp, dq, qi } = jwk
    const assertions = server.requests.map(({ body }) => new URLSearchParams(body).get('client_assertion') ?? '')
    const proofs = assertions.flatMap((assertion) => assertion.split('.').slice(1))
    return [d, p, q, dp, dq, qi, ...pem.split('\n').slice(1, -2), ...proofs]
      .filter((part) => part !== undefined && part !== '')
      .map((part) => String(part).slice(0, 24))
  }

  const METHODS: [string, Partial<ClientOptions>][] = [
    ['signed with a PEM', { clientAuthentication: privateKeyJwt({ key: pem }) }],
    [
      'signed with a JWK from a function',
      { clientAuthentication: privateKeyJwt({ key: () => jwk, algorithm: 'RS256' }) },
    ],
    ['signed with the secret', { clientAuthentication: clientSecretJwt(async () => long, { sendClientId: true }) }],
    ['of the platform', { clientAuthentication: workloadIdentity({ assertion: () => platform }) }],
    ['of the platform, from a file', { clientAuthentication: workloadIdentity({ file: platformFile }) }],
    ['that is no assertion but a secret from a file', { clientSecret: secretFromFile(secretFile) }],
  ]
  // The others tell a secret that these clients do not have.
  const echoing = KINDS.filter(([kind]) => !kind.includes('secret'))
  const table = METHODS.flatMap(([method, options]) =>
    echoing.map(([kind, respond]) => [kind, method, respond, options] as const),
  )

  it.concurrent.each(table)('shows neither key nor assertion: %s; %s', async (_, __, respond, options) => {
    await using server = await startServer(respond)
    const { tokens, outputs } = watched(optionsFor(server, options, timesFor(respond, server), { maxAttempts: 1 }))
    const error = await tokens.getToken().catch((reason) => reason)
    expect(server.requests.length).toBeGreaterThan(0)
    const all = [...(error instanceof Error ? everyOutput(error) : everyPrint(error)), ...outputs()]
    expect(secretsIn(...all)).toEqual([])
    expect(partsOf(server).filter((part) => all.some((text) => text.includes(part)))).toEqual([])
    for (const printed of everyPrint(options)) {
      expect(secretsIn(printed)).toEqual([])
      expect(partsOf(server).filter((part) => printed.includes(part))).toEqual([])
    }
  })

  it.each<[string, () => unknown]>([
    ['a key that is cut off', () => privateKeyJwt({ key: broken })],
    ['a key without line breaks', () => privateKeyJwt({ key: pem.replaceAll('\n', ' ') })],
    ['a JWK with a member that is none', () => privateKeyJwt({ key: { ...jwk, n: ['Marker-S3cret'] as never } })],
    ['a JWK of another kind', () => privateKeyJwt({ key: { ...jwk, kty: 'EC' } })],
    ['a key that does not fit', () => privateKeyJwt({ key: jwk, algorithm: 'ES256' })],
    ['a secret that is too short', () => clientSecretJwt(SECRET)],
    ['an assertion that is fixed', () => workloadIdentity({ assertion: platform as never })],
    ['a key in the place of an algorithm', () => privateKeyJwt({ key: jwk, algorithm: pem as 'ES256' })],
  ])('shows nothing of what is refused at once: %s', (_, make) => {
    let error: unknown
    try {
      make()
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(TypeError)
    const all = everyOutput(error)
    expect(secretsIn(...all)).toEqual([])
    const lines = [...pem.split('\n').slice(1, -2), String(jwk.d)].map((part) => part.slice(0, 24))
    expect(lines.filter((line) => all.some((text) => text.includes(line)))).toEqual([])
  })

  it.each<[string, ClientAuthentication]>([
    ['a key that is cut off', privateKeyJwt({ key: () => broken })],
    ['a key service that tells', privateKeyJwt({ sign: () => 'Marker-S3cret' as never, algorithm: 'ES256' })],
    ['a certificate that is a key', privateKeyJwt({ key: pem, certificate: () => pem })],
    ['a platform that gives something else', workloadIdentity({ assertion: () => `${SECRET}\n${TOKEN}` })],
  ])('shows nothing of what is refused later: %s', async (_, clientAuthentication) => {
    await using server = await startServer((response) => sendJson(response, {}))
    const { tokens, outputs } = watched(optionsFor(server, { clientAuthentication, maxAttempts: 1 }))
    const error = await tokens.getToken().catch((reason) => reason)
    expect(error).toMatchObject({ code: 'secret_unavailable' })
    const all = [...everyOutput(error), ...outputs()]
    expect(secretsIn(...all)).toEqual([])
    expect(partsOf(server).filter((part) => all.some((text) => text.includes(part)))).toEqual([])
  })
})

describe('a client that asks on behalf of users', () => {
  const subjectToken = `${ASSERTION}.of~the+user/=`
  const details = [{ type: 'payment', account: TOKEN }]
  const assertion = `eyJ9.${ASSERTION}.x`

  const GRANTS: [string, Partial<ClientOptions>, { subjectToken?: string }][] = [
    ['by exchange', { grant: tokenExchange({ actorToken: `${ASSERTION}-actor` }) }, { subjectToken }],
    [
      'with an actor from a function',
      { grant: tokenExchange({ actorToken: () => `${ASSERTION}-2` }) },
      { subjectToken },
    ],
    ['by the user’s assertion', { grant: jwtBearer() }, { subjectToken }],
    ['by an assertion from a function', { grant: jwtBearer({ assertion: () => assertion }) }, {}],
  ]
  const table = GRANTS.flatMap(([grant, options, request]) =>
    KINDS.map(([kind, respond]) => [kind, grant, respond, options, request] as const),
  )
  it.concurrent.each(table)(
    'shows neither their tokens nor assertions: %s; %s',
    async (_, __, respond, options, request) => {
      await using server = await startServer(respond)
      const { tokens, written, outputs } = watched(
        optionsFor(server, { clientSecret: SECRET, authorizationDetails: details }, options, timesFor(respond, server)),
      )
      const source = tokens.source(request)
      const error = await source.getToken().catch((reason) => reason)
      expect(server.requests[0]?.body).toContain(ASSERTION)
      expect(written).not.toEqual([])
      const found = [...(error instanceof Error ? everyOutput(error) : everyPrint(error)), ...everyPrint(source)]
      expect(secretsIn(...found, ...everyPrint(source.inspect()), ...outputs())).toEqual([])
    },
  )

  it.each<[string, () => string]>([
    ['throws an error that tells', () => fail(`cannot read ${ASSERTION}`)],
    ['gives more than a token', () => `${ASSERTION}\n${TOKEN}`],
  ])('shows no secret: the function for the actor’s token %s', async (what, actorToken) => {
    await using server = await startServer((response) => sendJson(response, {}))
    const { tokens, outputs } = watched(
      optionsFor(server, { clientSecret: SECRET, grant: tokenExchange({ actorToken }), maxAttempts: 1 }),
    )
    const error = await tokens.getToken({ subjectToken }).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'secret_unavailable' })
    // What a function says of itself is its own affair.
    const found = secretsIn(...everyOutput(error), ...outputs())
    expect(found.filter((leak) => !what.startsWith('throws') || !leak.startsWith(ASSERTION))).toEqual([])
    expect(found.join()).not.toContain(subjectToken)
  })

  it('shows no secret when an option is wrong', async () => {
    const { tokens } = watched({
      ...{ tokenEndpoint: 'https://auth.example.com/token', clientId: 'orders', clientSecret: SECRET },
    })
    for (const wrong of [subjectToken, `Bearer ${subjectToken}`, `${subjectToken}\n`, [subjectToken]]) {
      const error = await tokens.getToken({ subjectToken: wrong as string }).catch((reason) => reason)
      expect(error).toBeInstanceOf(TypeError)
      expect(secretsIn(...everyOutput(error))).toEqual([])
    }
  })
})

describe('a token that is revoked', () => {
  /** Everything that comes out when a token is revoked and the server, or the way there, answers like this. */
  async function outputsOfRevoking(answer: (echo: string) => Response): Promise<string[]> {
    const sent: string[] = []
    const transport: FetchLike = async (url, { body, headers }) => {
      sent.push(String(body))
      if (!url.endsWith('/revoke')) return Response.json({ access_token: TOKEN, token_type: 'Bearer' })
      return answer(`${body} ${decodeURIComponent(String(body))} ${JSON.stringify(headers)}`)
    }
    const { tokens, outputs } = watched({
      ...{ tokenEndpoint: 'https://auth.example.com/token', revocationEndpoint: 'https://auth.example.com/revoke' },
      ...{ clientId: CLIENT_ID, clientSecret: SECRET, transport },
    })
    await tokens.getToken()
    await tokens.close({ revoke: true })
    expect(sent.at(-1)).toContain(TOKEN)
    return [...everyOutput(await tokens.getToken().catch((reason) => reason)), ...outputs()]
  }

  it.each([
    ['succeeds', 200],
    ['is denied with an echo', 400],
    ['meets an outage that echoes', 503],
  ])('shows no secret when that %s', async (_, status) => {
    const answer = (echoed: string) =>
      Response.json({ error: 'invalid_request', error_description: echoed }, { status })
    expect(secretsIn(...(await outputsOfRevoking(answer)))).toEqual([])
  })

  it('shows no secret when the transport throws an error that holds the request', async () => {
    const answer = (echoed: string) => {
      throw new Error(echoed)
    }
    expect(secretsIn(...(await outputsOfRevoking(answer)))).toEqual([])
  })
})

function fail(message: string): never {
  throw new Error(message)
}

/** A server that gives tokens at `/token` and is an API elsewhere. */
async function startBoth(respond: Respond) {
  return await startServer((response, request, incoming) => {
    if (request.url === '/token') sendJson(response, { access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 })
    else respond(response, request, incoming)
  })
}

function attached(server: TestServer, tokens: TokenManager, adapter: string): AxiosInstance {
  const client = axios.create({ baseURL: server.origin, proxy: false, adapter })
  attachTokenManager(client, tokens)
  return client
}

describe.each(['http', 'fetch'])('a request to an API, by axios’s %s adapter', (adapter) => {
  const answers: [string, Respond][] = [
    ['404', (response) => sendJson(response, {}, 404)],
    ['401', (response) => sendJson(response, {}, 401)],
    ['a redirect that leads nowhere', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['a connection that breaks', (_, __, incoming) => incoming.socket.destroy()],
  ]

  it.each(answers)('shows no secret when it fails: %s', async (_, respond) => {
    await using server = await startBoth(respond)
    const { tokens, outputs } = watched(optionsFor(server, { clientSecret: SECRET }))
    const error = await attached(server, tokens, adapter)
      .get('/orders')
      .catch((reason) => reason)
    expect(server.requests.filter(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).not.toEqual([])
    expect(error).toMatchObject({ isAxiosError: true })
    const printed = [error, error.config, error.response, error.toJSON(), error.cause].map((each) =>
      inspect(each, THOROUGH),
    )
    const written = [JSON.stringify(error), JSON.stringify(error.toJSON()), error.message, error.stack, String(error)]
    expect(secretsIn(...printed, ...written, ...outputs())).toEqual([])
  })

  it.each(answers)('shows no token of the user on whose behalf it is made: %s', async (_, respond) => {
    await using server = await startBoth(respond)
    const { tokens, outputs } = watched(optionsFor(server, { clientSecret: SECRET, grant: tokenExchange() }))
    const error = await attached(server, tokens, adapter)
      .get('/orders', { token: { subjectToken: `${ASSERTION}-user` } })
      .catch((reason) => reason)
    expect(error).toMatchObject({ isAxiosError: true })
    expect(server.requests.filter(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).not.toEqual([])
    const printed = [error, error.config, error.response, error.toJSON(), error.cause].map((each) =>
      inspect(each, { ...THOROUGH, showHidden: false }),
    )
    const written = [JSON.stringify(error), JSON.stringify(error.toJSON()), error.message, error.stack]
    expect(secretsIn(...printed, ...written, ...outputs())).toEqual([])
  })

  it('shows no secret when it succeeds, is refused, or has its own header', async () => {
    await using server = await startBoth((response) => sendJson(response, {}))
    const { tokens, source, outputs } = watched(optionsFor(server, { clientSecret: SECRET }))
    const client = attached(server, tokens, adapter)
    await client.get('/orders', { token: { scope: 'write', parameters: { private_note: `${ASSERTION}-2` } } })
    await client.get('/orders', { headers: { Authorization: `Bearer ${TOKEN}` } })
    const refused = await client
      .get('https://elsewhere.example/', { auth: { username: CLIENT_ID, password: SECRET } })
      .catch((reason) => reason)
    const conflict = await client
      .get('/', { auth: { username: CLIENT_ID, password: SECRET } })
      .catch((reason) => reason)
    expect([refused.code, conflict.code]).toEqual(['origin_refused', 'authorization_conflict'])
    const token = await source.getToken()
    expect(token.reveal()).toBe(TOKEN)
    const printed = [token, [token], { token }, `${token}`, Object.entries(token)].flatMap(everyPrint)
    expect(secretsIn(...printed, ...everyOutput(refused), ...everyOutput(conflict), ...outputs())).toEqual([])
  })
})

describe('the search itself', () => {
  it.each([
    ['a plain secret', `x${SECRET}x`],
    ['another letter case', TOKEN.toUpperCase()],
    ['Basic credentials', `Basic ${Buffer.from(`${CLIENT_ID}:${SECRET}`).toString('base64')}`],
    ['form-encoded', new URLSearchParams({ secret: SECRET }).toString()],
  ])('finds %s', (_, text) => {
    expect(secretsIn(text)).not.toEqual([])
  })

  it('finds a secret in a property that is hidden, computed or nested deep', () => {
    const hidden = Object.defineProperty({}, 'x', { value: SECRET })
    const computed = {
      get x() {
        return SECRET
      },
    }
    const deep = { a: { b: { c: { d: { e: [[[SECRET]]] } } } } }
    for (const value of [hidden, computed, deep]) expect(secretsIn(...everyPrint(value))).not.toEqual([])
  })
})

describe('a client whose tokens are bound to a key', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = privateKey.export({ format: 'jwk' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

  /** The private key, and what of the proofs that were sent could be used. */
  function partsOf(...servers: TestServer[]): string[] {
    const proofs = servers.flatMap(({ requests }) => requests.map(({ headers }) => String(headers.dpop)))
    return [
      String(jwk.d),
      ...pem.split('\n').slice(1, -2),
      ...proofs.flatMap((proof) => proof.split('.').slice(1)),
    ].map((part) => part.slice(0, 24))
  }

  const echoesProof: [string, Respond] = [
    'a denial that echoes the proof',
    (response, { headers }) =>
      sendJson(response, { error: 'invalid_dpop_proof', error_description: String(headers.dpop) }, 400),
  ]
  const nonceEachTime: [string, Respond] = [
    'a denial that wants a nonce, which is the proof',
    (response, { headers }) => {
      response.setHeader('dpop-nonce', String(headers.dpop).slice(-80))
      response.setHeader('x-request-id', String(headers.dpop))
      sendJson(response, { error: 'use_dpop_nonce' }, 400)
    },
  ]
  const echoing = KINDS.filter(([kind]) => !kind.includes('secret'))
  it.concurrent.each([...echoing, echoesProof, nonceEachTime])(
    'shows neither key nor proof: %s',
    async (_, respond) => {
      for (const dpop of [{ key: pem }, { key: jwk }]) {
        await using server = await startServer(respond)
        const { tokens, outputs } = watched(
          optionsFor(server, { clientSecret: SECRET, dpop, maxAttempts: 1 }, timesFor(respond, server)),
        )
        const error = await tokens.getToken().catch((reason) => reason)
        const all = [...(error instanceof Error ? everyOutput(error) : everyPrint(error)), ...outputs()]
        expect(secretsIn(...all)).toEqual([])
        expect(server.requests[0]?.headers.dpop).toBeDefined()
        expect(partsOf(server).filter((part) => all.some((text) => text.includes(part)))).toEqual([])
      }
    },
  )

  it('shows neither in what it prints, nor in what an API refuses', async () => {
    await using server = await startServer((response) =>
      sendJson(response, { access_token: TOKEN, token_type: 'DPoP', expires_in: 3600 }),
    )
    await using api = await startServer((response) => {
      response.setHeader('www-authenticate', 'DPoP error="use_dpop_nonce"')
      response.setHeader('dpop-nonce', 'nonce')
      sendJson(response, {}, 401)
    })
    const { tokens, outputs } = watched(optionsFor(server, { clientSecret: SECRET, dpop: { key: pem } }))
    const client = axios.create({ baseURL: api.origin, proxy: false })
    attachTokenManager(client, tokens)
    const error = await client.get('/orders').catch((reason) => reason)
    expect(api.requests).toHaveLength(2)
    // `request` stays where it is, for code that looks for it by name.
    const all = [...outputs(), inspect(error, THOROUGH), JSON.stringify(error), String(error.stack)]
    expect(secretsIn(...all)).toEqual([])
    expect(partsOf(server, api).filter((part) => all.some((text) => text.includes(part)))).toEqual([])
  })
})
