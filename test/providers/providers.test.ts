import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../../src/client-options.ts'
import { privateKeyJwt, TokenManager, TokenResponseError, workloadIdentity } from '../../src/index.ts'
import {
  amazonCognito,
  auth0,
  googleServiceAccount,
  keycloak,
  microsoftEntra,
  okta,
  salesforce,
} from '../../src/providers/index.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const SECRET = 's3cret~of.the-client'
const client = { clientId: 'orders-service', clientSecret: SECRET }
const basic = `Basic ${Buffer.from(`orders-service:${encodeURIComponent(SECRET).replace('~', '%7E')}`).toString('base64')}`

/** A manager with these settings, and a server that answers as the provider was seen to. */
function at(options: ClientOptions, body: Readonly<Record<string, unknown>>, status = 200) {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  server.byDefault = { status, body }
  return { clock, server, tokens: new TokenManager({ clock, ...options, transport: server.fetch }) }
}

interface Recorded {
  readonly options: ClientOptions
  readonly url: string
  readonly authorization: string | undefined
  readonly form: Readonly<Record<string, string>>
  /** An answer in the shape that the provider documents, its values replaced. */
  readonly answer: Readonly<Record<string, unknown>>
  readonly lifetimeMs: number
}

const RECORDED: Readonly<Record<string, Recorded>> = {
  'Microsoft Entra': {
    options: microsoftEntra({ ...client, tenant: 'contoso.onmicrosoft.com', resource: 'api://orders' }),
    url: 'https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token',
    authorization: undefined,
    form: { client_id: 'orders-service', client_secret: SECRET, scope: 'api://orders/.default' },
    answer: {
      token_type: 'Bearer',
      expires_in: 86_399,
      ext_expires_in: 86_399,
      refresh_in: 43_199,
      access_token: 'eyJ0eXAi.eyJhdWQi.c2ln',
    },
    lifetimeMs: 86_399_000,
  },
  Auth0: {
    options: auth0({ ...client, domain: 'example.eu.auth0.com', audience: 'https://orders.example.com' }),
    url: 'https://example.eu.auth0.com/oauth/token',
    authorization: basic,
    form: { audience: 'https://orders.example.com' },
    answer: { access_token: 'eyJhbGci.eyJpc3Mi.c2ln', scope: 'read:orders', expires_in: 86_400, token_type: 'Bearer' },
    lifetimeMs: 86_400_000,
  },
  'Okta, a custom authorization server': {
    options: okta({ ...client, domain: 'example.okta.com', authorizationServer: 'aus1', scope: 'orders' }),
    url: 'https://example.okta.com/oauth2/aus1/v1/token',
    authorization: basic,
    form: { scope: 'orders' },
    answer: { token_type: 'Bearer', expires_in: 3600, access_token: 'eyJraWQi.eyJ2ZXIi.c2ln', scope: 'orders' },
    lifetimeMs: 3_600_000,
  },
  'Okta, the organisation’s authorization server': {
    options: okta({ ...client, domain: 'example.okta.com', authorizationServer: 'org' }),
    url: 'https://example.okta.com/oauth2/v1/token',
    authorization: basic,
    form: {},
    answer: {
      token_type: 'Bearer',
      expires_in: 3600,
      access_token: 'eyJraWQi.eyJ2ZXIi.c2ln',
      scope: 'okta.users.read',
    },
    lifetimeMs: 3_600_000,
  },
  'Amazon Cognito': {
    options: amazonCognito({ ...client, domain: 'example', region: 'eu-central-1', scope: 'orders/read' }),
    url: 'https://example.auth.eu-central-1.amazoncognito.com/oauth2/token',
    authorization: basic,
    form: { scope: 'orders/read' },
    answer: { access_token: 'eyJraWQi.eyJzdWIi.c2ln', expires_in: 3600, token_type: 'Bearer' },
    lifetimeMs: 3_600_000,
  },
  'Amazon Cognito, a custom domain': {
    options: amazonCognito({ ...client, domain: 'auth.example.com' }),
    url: 'https://auth.example.com/oauth2/token',
    authorization: basic,
    form: {},
    answer: { access_token: 'eyJraWQi.eyJzdWIi.c2ln', expires_in: 3600, token_type: 'Bearer' },
    lifetimeMs: 3_600_000,
  },
  Keycloak: {
    options: keycloak({ ...client, url: 'https://sso.example.com/', realm: 'my shop' }),
    url: 'https://sso.example.com/realms/my%20shop/protocol/openid-connect/token',
    authorization: basic,
    form: {},
    answer: {
      access_token: 'eyJhbGci.eyJleHAi.c2ln',
      expires_in: 300,
      refresh_expires_in: 0,
      token_type: 'Bearer',
      'not-before-policy': 1_700_000_000,
      scope: 'email profile',
    },
    lifetimeMs: 300_000,
  },
  Salesforce: {
    options: salesforce({ ...client, domain: 'example.my.salesforce.com' }),
    url: 'https://example.my.salesforce.com/services/oauth2/token',
    authorization: basic,
    form: {},
    answer: {
      access_token: '00D000000000001!AQEAQBlank.underscore_and.dots',
      signature: 'c2lnbmF0dXJl',
      scope: 'api',
      instance_url: 'https://example.my.salesforce.com',
      id: 'https://login.salesforce.com/id/00D000000000001/005000000000001',
      token_type: 'Bearer',
      issued_at: '1700000000000',
    },
    lifetimeMs: 900_000,
  },
}

describe('the settings for a provider', () => {
  it.each(Object.entries(RECORDED))('ask for a token and read the answer: %s', async (_, recorded) => {
    const { tokens, server } = at(recorded.options, recorded.answer)
    const deviations: string[] = []
    tokens.on('responseDeviation', ({ deviation }) => deviations.push(deviation))
    const token = await tokens.getToken()
    const [sent] = server.requests
    expect(sent?.url).toBe(recorded.url)
    expect(sent?.headers.authorization).toBe(recorded.authorization)
    expect(Object.fromEntries(sent?.form ?? [])).toEqual({ grant_type: 'client_credentials', ...recorded.form })
    expect(token.reveal()).toBe(recorded.answer.access_token)
    expect(token.lifetimeMs).toBe(recorded.lifetimeMs)
    expect(deviations).toEqual([])
  })

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keySet = createLocalJWKSet({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'key-1' }] })
  const keyFile = {
    type: 'service_account',
    project_id: 'orders-1',
    private_key_id: 'key-1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    client_email: 'orders@orders-1.iam.gserviceaccount.com',
    client_id: '100000000000000000001',
    token_uri: 'https://oauth2.googleapis.com/token',
  }
  const scope = 'https://www.googleapis.com/auth/pubsub'
  const googleAnswer = { access_token: 'ya29.c.b0AXv0z', expires_in: 3599, token_type: 'Bearer' }

  it.each([
    ['for itself', undefined, {}],
    ['on behalf of a user', 'admin@example.com', { sub: 'admin@example.com' }],
  ])('present the assertion of a Google service account: %s', async (_, subject, claims) => {
    const options = googleServiceAccount({ credentials: keyFile, scope, subject })
    const { tokens, server, clock } = at(options, googleAnswer)
    expect((await tokens.getToken()).lifetimeMs).toBe(3_599_000)
    const [sent] = server.requests
    expect(sent?.url).toBe('https://oauth2.googleapis.com/token')
    expect(sent?.headers.authorization).toBeUndefined()
    expect([...(sent?.form.keys() ?? [])]).toEqual(['grant_type', 'assertion'])
    const { payload, protectedHeader } = await jwtVerify(sent?.form.get('assertion') ?? '', keySet, {
      currentDate: new Date(clock.now()),
    })
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
    expect(payload).toMatchObject({ iss: keyFile.client_email, aud: keyFile.token_uri, scope, ...claims })
    expect('sub' in payload).toBe(subject !== undefined)
  })

  it('take a federated credential for Microsoft Entra', async () => {
    const clientAuthentication = workloadIdentity({ assertion: async () => 'eyJhbGci.eyJpc3Mi.c2ln' })
    const options = { clientId: 'orders', tenant: 't', resource: 'api://orders', clientAuthentication }
    const { tokens, server } = at(microsoftEntra(options), RECORDED['Microsoft Entra']!.answer)
    await tokens.getToken()
    const form = server.requests[0]?.form
    expect(form?.get('client_assertion')).toBe('eyJhbGci.eyJpc3Mi.c2ln')
    expect(form?.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    expect(form?.get('client_id')).toBe('orders')
  })

  it.each([
    ['Okta', okta({ clientId: 'orders', domain: 'example.okta.com' }), 'https://example.okta.com/oauth2/default'],
    [
      'Keycloak',
      keycloak({ clientId: 'orders', url: 'https://sso.example', realm: 'r' }),
      'https://sso.example/realms/r',
    ],
  ])('sign a JWT for %s', async (_, options, audience) => {
    const clientAuthentication = privateKeyJwt({ key: privateKey, keyId: 'key-1' })
    const { tokens, server, clock } = at({ ...options, clientAuthentication }, googleAnswer)
    await tokens.getToken()
    const { payload } = await jwtVerify(server.requests[0]?.form.get('client_assertion') ?? '', keySet, {
      currentDate: new Date(clock.now()),
    })
    expect(payload).toMatchObject({ iss: 'orders', sub: 'orders', aud: audience })
  })

  it('refresh when Microsoft Entra says so', async () => {
    const { tokens, server, clock } = at(RECORDED['Microsoft Entra']!.options, RECORDED['Microsoft Entra']!.answer)
    await tokens.getToken()
    await clock.advance(43_199_000 - 8_640_000)
    await tokens.getToken()
    await clock.advance(8_640_000)
    await tokens.getToken()
    await clock.advance(0)
    expect(server.requests).toHaveLength(2)
  })

  it.each([
    [
      'Microsoft Entra, a wrong secret',
      RECORDED['Microsoft Entra']!.options,
      401,
      {
        error: 'invalid_client',
        error_description: 'AADSTS7000215: Invalid client secret provided.',
        error_codes: [7_000_215],
        trace_id: '0f9b4d8e',
        correlation_id: '5c1f7a3e',
      },
      { code: 'request_denied', error: 'invalid_client', correlationId: '5c1f7a3e', retryable: false },
    ],
    [
      'Auth0, a wrong audience',
      RECORDED.Auth0!.options,
      403,
      { error: 'access_denied', error_description: 'Service not enabled within domain: https://orders.example.com' },
      { code: 'request_denied', error: 'access_denied', retryable: false },
    ],
    [
      'Salesforce, a wrong secret',
      RECORDED.Salesforce!.options,
      400,
      { error: 'invalid_client', error_description: 'invalid client credentials' },
      { code: 'request_denied', error: 'invalid_client', retryable: false },
    ],
    [
      'Amazon Cognito, a wrong scope',
      RECORDED['Amazon Cognito']!.options,
      400,
      { error: 'invalid_scope' },
      { code: 'request_denied', error: 'invalid_scope', retryable: false },
    ],
  ])('understand a refusal: %s', async (_, options, status, body, expected) => {
    const { tokens } = at(options, body, status)
    const error = await tokens.getToken().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject(expected)
  })

  it('leave what is given beside them as it is', () => {
    expect(
      keycloak({ ...client, url: 'https://a.example', realm: 'r', revocationEndpoint: 'https://b.example' }),
    ).toMatchObject({
      revocationEndpoint: 'https://b.example',
    })
    expect(salesforce({ ...client, domain: 'a.example', defaultLifetimeMs: 7_200_000 }).defaultLifetimeMs).toBe(
      7_200_000,
    )
    expect(
      microsoftEntra({ ...client, tenant: 't', resource: 'r', clientAuthentication: 'client_secret_basic' }),
    ).toMatchObject({ clientAuthentication: 'client_secret_basic', scope: 'r/.default' })
    const graph = { ...client, tenant: 't', resource: 'https://graph.example/.default', authority: 'login.example.cn' }
    expect(microsoftEntra(graph)).toMatchObject({
      scope: 'https://graph.example/.default',
      tokenEndpoint: 'https://login.example.cn/t/oauth2/v2.0/token',
    })
  })

  it('address assertions to the issuer as the provider spells it', () => {
    expect(RECORDED.Auth0!.options.issuer).toBe('https://example.eu.auth0.com/')
    expect(RECORDED.Keycloak!.options.issuer).toBe('https://sso.example.com/realms/my%20shop')
    expect(RECORDED['Okta, a custom authorization server']!.options.issuer).toBe('https://example.okta.com/oauth2/aus1')
  })

  const noKey = { client_email: 'orders@example.iam.gserviceaccount.com' } as never
  it.each([
    ['a URL for a domain', () => auth0({ ...client, domain: 'https://example.auth0.com', audience: 'a' }), '`domain`'],
    ['a path in a domain', () => okta({ ...client, domain: 'example.okta.com/oauth2' }), '`domain`'],
    ['a user name in a domain', () => salesforce({ ...client, domain: 'a@b.example' }), '`domain`'],
    ['no audience', () => auth0({ ...client, domain: 'a.example', audience: '' }), '`audience`'],
    ['no tenant', () => microsoftEntra({ ...client, tenant: '', resource: 'api://orders' }), '`tenant`'],
    ['no resource', () => microsoftEntra({ ...client, tenant: 't', resource: '' }), '`resource`'],
    ['a prefix without a region', () => amazonCognito({ ...client, domain: 'example' }), '`region`'],
    ['a region beside a domain', () => amazonCognito({ ...client, domain: 'a.example', region: 'x' }), '`region`'],
    ['no scope', () => googleServiceAccount({ credentials: keyFile, scope: [] }), '`scope`'],
    ['no e-mail', () => googleServiceAccount({ credentials: {} as never, scope }), '`credentials.client_email`'],
    ['no key file', () => googleServiceAccount({ credentials: undefined as never, scope }), '`credentials`'],
    ['a tenant that leads elsewhere', () => microsoftEntra({ ...client, tenant: '..', resource: 'r' }), '`tenant`'],
    ['half a character', () => microsoftEntra({ ...client, tenant: '\ud800', resource: 'r' }), '`tenant`'],
    ['no private key', () => googleServiceAccount({ credentials: noKey, scope }), '`credentials.private_key`'],
    ['no URL', () => keycloak({ ...client, url: undefined as never, realm: 'r' }), '`url`'],
    ['a URL without https', () => keycloak({ ...client, url: 'sso.example.com', realm: 'r' }), '`url`'],
    ['no realm', () => keycloak({ ...client, url: 'https://a.example', realm: '' }), '`realm`'],
  ])('refuse %s at once', (_, make, option) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(option)
  })
})
