import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const fromRoot = (path: string) => new URL(`../${path}`, import.meta.url)
const readText = (path: string) => readFileSync(fromRoot(path), 'utf8')

interface PublicNames {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

const EXPECTED: Record<string, PublicNames> = {
  evertoken: {
    values: [
      'StoreEncryption',
      'TokenError',
      'TokenManager',
      'TokenResponseError',
      'TokenTransportError',
      'clientCertificate',
      'clientCertificateFromFiles',
      'clientCredentials',
      'clientSecretBasic',
      'clientSecretJwt',
      'clientSecretPost',
      'jwtBearer',
      'none',
      'privateKeyJwt',
      'secretFromFile',
      'selfSignedTlsClientAuth',
      'systemClock',
      'tlsClientAuth',
      'tokenExchange',
      'workloadIdentity',
    ],
    types: [
      'AccessToken',
      'AssertionOptions',
      'AuthorizationDetail',
      'AxiosLike',
      'BasicEncoding',
      'CertificateFiles',
      'CertificatePair',
      'ClientAuthentication',
      'ClientCertificate',
      'ClientOptions',
      'ClientSecret',
      'ClientSecretMethod',
      'Clock',
      'CredentialExpiry',
      'DpopOptions',
      'EncryptionKey',
      'FetchLike',
      'GetTokenOptions',
      'Grant',
      'JwtBearerClaims',
      'JwtBearerOptions',
      'Lease',
      'LeaseAnswer',
      'LeaseRequest',
      'NewRecord',
      'OutgoingTokenRequest',
      'PartnerHooks',
      'PrivateKeyJwtOptions',
      'ReceivedToken',
      'RequestReason',
      'SetOptions',
      'SigningAlgorithm',
      'SigningKeyInput',
      'SigningOptions',
      'StoreEncryptionOptions',
      'StoredRecord',
      'TokenEndpointResponse',
      'TokenErrorCode',
      'TokenEvent',
      'TokenEventListener',
      'TokenEvents',
      'TokenExchangeOptions',
      'TokenLogger',
      'TokenManagerOptions',
      'TokenManagerSettings',
      'TokenParameterOptions',
      'TokenRequest',
      'TokenRequestArguments',
      'TokenRequestChanges',
      'TokenRequestDescription',
      'TokenRequestDraft',
      'TokenResponseDeviation',
      'TokenSelection',
      'TokenSelectionArguments',
      'TokenSource',
      'TokenSourceInspection',
      'TokenStore',
      'WorkloadIdentityOptions',
    ],
  },
  'evertoken/axios': {
    values: ['attachTokenManager'],
    types: ['AttachOptions', 'AttachableAxios', 'Attachment', 'RequestToken'],
  },
  'evertoken/fetch': {
    values: ['createTokenFetch'],
    types: ['FetchImplementation', 'TokenFetch', 'TokenFetchInit', 'TokenFetchOptions'],
  },
  'evertoken/undici': {
    values: ['tokenInterceptor'],
    types: ['AnswerHeaders', 'TokenDispatchOptions', 'TokenInterceptor', 'TokenInterceptorOptions', 'UndiciAnswer'],
  },
  'evertoken/providers': {
    values: ['amazonCognito', 'auth0', 'googleServiceAccount', 'keycloak', 'microsoftEntra', 'okta', 'salesforce'],
    types: [
      'AmazonCognitoOptions',
      'Auth0Options',
      'GoogleServiceAccountKey',
      'GoogleServiceAccountOptions',
      'KeycloakOptions',
      'MicrosoftEntraOptions',
      'OktaOptions',
      'SalesforceOptions',
    ],
  },
  'evertoken/redis': {
    values: ['RedisTokenStore'],
    types: [
      'EncryptionKey',
      'IoRedisClient',
      'NodeRedisArguments',
      'NodeRedisClient',
      'RedisClient',
      'RedisTokenStoreOptions',
      'StoreEncryptionOptions',
    ],
  },
  'evertoken/opentelemetry': {
    values: ['instrumentTokenManager'],
    types: ['InstrumentationOptions'],
  },
  'evertoken/testing': {
    values: [
      'MemoryTokenStore',
      'TestAuthority',
      'VirtualClock',
      'leaseContract',
      'randomFaults',
      'runScenario',
      'scenarios',
      'startApi',
      'startAuthorizationServer',
      'storeContract',
      'stubTokenManager',
    ],
    types: [
      'CertificateRequest',
      'Fault',
      'FaultKind',
      'FaultSource',
      'IssuedToken',
      'MemoryTokenStoreOptions',
      'OAuthError',
      'RandomFaultOptions',
      'ReceivedRequest',
      'Scenario',
      'ScenarioAnswer',
      'ScenarioCall',
      'ScenarioCount',
      'ScenarioDuration',
      'ScenarioExpectation',
      'ScenarioManager',
      'ScenarioOutcome',
      'ScenarioStep',
      'ScenarioTarget',
      'ScriptedServer',
      'ScriptedServerOptions',
      'ServerEndpoint',
      'StoreContractCase',
      'StoreFault',
      'StoreUnderTest',
      'StubTokenAnswer',
      'StubTokenManager',
      'StubTokenManagerOptions',
      'StubTokenRequest',
      'TestApi',
      'TestApiAnswer',
      'TestApiOptions',
      'TestApiRefusal',
      'TestAuthorizationServer',
      'TestAuthorizationServerOptions',
      'TestCertificate',
      'TestClient',
      'TestClientMethod',
      'TestClientOptions',
      'TokenGrant',
      'TokenOrder',
      'VirtualClockOptions',
    ],
  },
}

interface EntryPoint {
  readonly name: string
  readonly source: string
}

const { exports } = JSON.parse(readText('package.json'))
const ENTRY_POINTS: readonly EntryPoint[] = Object.entries<{ default?: string }>(exports).flatMap(([path, target]) => {
  if (target.default === undefined) return []
  return { name: path.replace('.', 'evertoken'), source: target.default.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts') }
})

/** The names that an entry point's source exports as types: they are gone when it runs. */
function exportedTypes(source: string): string[] {
  const lists = [...source.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, allTypes, list = '']) =>
    list.split(',').flatMap((item) => {
      const [, type = allTypes, name] = item.match(/^\s*(type\s)?\s*(?:\w+\s+as\s+)?(\w+)\s*$/) ?? []
      return type !== undefined && name !== undefined ? [name] : []
    }),
  )
  const declared = [...source.matchAll(/^export (?:declare )?(?:interface|type) (\w+)/gm)].map(([, name = '']) => name)
  return [...lists, ...declared].sort()
}

describe('the public interface', () => {
  it('has these entry points', () => {
    expect(ENTRY_POINTS.map(({ name }) => name)).toEqual(Object.keys(EXPECTED))
  })

  it.each(ENTRY_POINTS)('of $name has these names', async ({ name, source }) => {
    const values = Object.keys(await import(/* @vite-ignore */ fromRoot(source).href)).sort()
    const types = exportedTypes(readText(source))

    expect({ values, types }, `public names of ${name}; a change belongs here and in CHANGELOG.md`).toEqual(
      EXPECTED[name],
    )
  })

  it.each(ENTRY_POINTS)('of $name lists every name, so that nothing becomes public by accident', ({ source }) => {
    expect(readText(source)).not.toMatch(/^export (?:type )?\*/m)
  })
})
