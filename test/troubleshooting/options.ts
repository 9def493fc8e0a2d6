import { privateKeyJwt } from 'evertoken'
import { amazonCognito, auth0, keycloak, microsoftEntra, okta } from 'evertoken/providers'
import { askServer, denial, type Mistake, type Mistakes, managerWith, SECRET } from './mistake.ts'

const wrong = (mistake: string, says: string, make: () => unknown): Mistake => ({
  mistake,
  says,
  error: 'TypeError',
  make,
})

const option = (options: object, says: string, mistake = inCode(options)): Mistake =>
  wrong(mistake, says, () => managerWith(options))

function inCode(options: object): string {
  return Object.entries(options)
    .map(([name, value]) => `\`${name}: ${JSON.stringify(value)?.replaceAll('"', "'")}\``)
    .join(', ')
}

export const NAMES: Mistakes = {
  heading: 'Names of options',
  mistakes: [
    option({ scopes: 'orders.read' }, 'Did you mean `scope`?'),
    option({ cilentId: 'orders' }, 'Did you mean `clientId`?'),
    option({ client_secret: '…' }, 'Did you mean `clientSecret`?'),
    option({ token_endpoint: 'https://auth.example.com' }, 'Did you mean `tokenEndpoint`?'),
    option({ tokenUrl: 'https://auth.example.com' }, 'Did you mean `tokenEndpoint`?'),
    option({ timeout: 5000 }, 'Did you mean `timeoutMs`?'),
    option({ retries: 5 }, 'Did you mean `maxAttempts`?'),
    wrong("`privateKeyJwt({ kid: '1' })`", 'Did you mean `keyId`?', () => privateKeyJwt({ kid: '1' } as never)),
    wrong('`privateKeyJwt({ privateKey: … })`', 'Did you mean `key`?', () =>
      privateKeyJwt({ privateKey: '1' } as never),
    ),
    wrong("`getToken({ scopes: 'a' })`", 'Did you mean `scope`?', () =>
      managerWith({}).source({ scopes: 'a' } as never),
    ),
    wrong("`getToken('orders.read')`", "Such as { scope: 'orders.read' }", () =>
      managerWith({}).source('orders.read' as never),
    ),
    wrong('`invalidate(token)` of a manager', 'Give the token second', () =>
      managerWith({}).invalidate('Marker-T0ken' as never, undefined),
    ),
    option({ parameters: { client_id: 'orders' } }, 'Use the option `clientId`'),
    option({ dpop: 'ES256' }, "write `dpop: { algorithm: 'ES256' }`"),
    wrong("`okta({ domain: 'https://…' })`", 'without `https://`', () =>
      okta({ domain: 'https://example.okta.com', clientId: 'a' }),
    ),
    wrong('`microsoftEntra` without `tenant`', '`tenant` must be', () =>
      microsoftEntra({ clientId: 'a', resource: 'api://orders' } as never),
    ),
    wrong('`microsoftEntra` without `resource`', '`resource` must be', () =>
      microsoftEntra({ clientId: 'a', tenant: 'b' } as never),
    ),
    wrong('`auth0` without `audience`', '`audience` must be given', () =>
      auth0({ clientId: 'a', domain: 'example.eu.auth0.com' } as never),
    ),
    wrong('`keycloak` without `realm`', '`realm` must be', () =>
      keycloak({ clientId: 'a', url: 'https://sso.example.com' } as never),
    ),
    wrong('`amazonCognito` with a prefix and no `region`', '`region` must be given', () =>
      amazonCognito({ clientId: 'a', domain: 'example' }),
    ),
  ],
}

export const VALUES: Mistakes = {
  heading: 'Values of options',
  mistakes: [
    option({ timeoutMs: 15 }, '15 seconds are 15000', 'Seconds for milliseconds: `timeoutMs: 15`'),
    option({ attemptTimeoutMs: 5 }, '5 seconds are 5000', '… `attemptTimeoutMs: 5`'),
    option({ defaultLifetimeMs: 3600 }, '3600 seconds are 3600000', '… `defaultLifetimeMs: 3600`'),
    option({ refreshWindowMs: 300 }, '300 seconds are 300000', '… `refreshWindowMs: 300`'),
    option({ safetyMarginMs: 30 }, '30 seconds are 30000', '… `safetyMarginMs: 30`'),
    wrong(
      'Seconds for milliseconds since 1970: `privateKeyJwt({ expiresAt: 1767225600 })`',
      'milliseconds since 1970',
      () => privateKeyJwt({ key: '…', expiresAt: 1_767_225_600 }),
    ),
    option({ timeoutMs: 15_000_000 }, 'from 100 to 600000', 'Microseconds for milliseconds: `timeoutMs: 15_000_000`'),
    option({ timeoutMs: '15000' }, 'got a value of type string', "A number from the environment: `timeoutMs: '15000'`"),
    option({ keepWarm: 'true' }, 'must be true or false', "A flag from the environment: `keepWarm: 'true'`"),
    {
      mistake: "Scopes with commas: `scope: 'orders.read,orders.write'`",
      error: 'request_denied',
      says: 'separated by spaces',
      make: () => askServer(denial('invalid_scope'), { scope: 'orders.read,orders.write' }),
    },
    option(
      { scope: ['orders.read orders.write'] },
      'separate scopes by one space or give a list',
      "Spaces within a list: `scope: ['a b']`",
    ),
    option({ scope: `${undefined}` }, 'put into a template', 'A scope that is not set, in a template: `undefined`'),
    {
      mistake: 'A scope that this client is not registered for, or with a typing mistake',
      error: 'request_denied',
      says: 'Requested: orders.raed',
      make: () => askServer(denial('invalid_scope'), { scope: 'orders.raed' }),
    },
    {
      mistake: 'No scope, and the server wants one',
      error: 'request_denied',
      says: 'set `scope`',
      make: () => askServer(denial('invalid_scope')),
    },
    {
      mistake: 'Scopes of a user who signs in: `openid`',
      error: 'request_denied',
      says: 'leave it out',
      make: () => askServer(denial('invalid_scope'), { scope: 'openid orders.read' }),
    },
    option({ resource: 'orders' }, 'For a name that is no URI use `audience`', "A name as `resource: 'orders'`"),
    {
      mistake: 'A `resource` or `audience` that the server does not know',
      error: 'request_denied',
      says: 'Check `resource` and `audience`',
      make: () => askServer(denial('invalid_target'), { resource: 'https://api.example.com' }),
    },
    {
      mistake: 'Fewer scopes are granted than `requireScope` wants',
      error: 'scope_not_granted',
      says: 'Allow the client this scope',
      make: () =>
        askServer(
          { status: 200, body: { access_token: SECRET, token_type: 'Bearer', expires_in: 60, scope: 'a' } },
          { scope: 'a b', requireScope: true },
        ),
    },
    {
      mistake: 'The client may not use this grant',
      error: 'request_denied',
      says: 'Allow this client the client credentials grant',
      make: () => askServer(denial('unauthorized_client')),
    },
    {
      mistake: 'The server has no such grant',
      error: 'request_denied',
      says: 'does not offer the client credentials grant',
      make: () => askServer(denial('unsupported_grant_type')),
    },
    {
      mistake: 'The server binds tokens to a key, and `dpop` is not set',
      error: 'invalid_response',
      says: '`dpop: true`',
      make: () => askServer({ status: 200, body: { access_token: SECRET, token_type: 'DPoP', expires_in: 60 } }),
    },
    {
      mistake: '`dpop: true`, and the client is not registered for it',
      error: 'invalid_response',
      says: 'register the client for DPoP',
      make: () =>
        askServer(
          { status: 200, body: { access_token: SECRET, token_type: 'Bearer', expires_in: 60 } },
          { dpop: true },
        ),
    },
  ],
}
