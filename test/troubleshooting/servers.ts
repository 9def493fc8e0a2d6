import { type Answer, askServer, denial, type Mistake, type Mistakes } from './mistake.ts'

const said = (mistake: string, answer: Answer, says: string, error = 'request_denied'): Mistake => ({
  ...{ mistake, says, error },
  make: () => askServer(answer),
})

const entra = (code: string, words: string, error: string, status = 400) =>
  denial(
    error,
    `AADSTS${code}: ${words} Trace ID: 255d1aef Correlation ID: fb3d2015 Timestamp: 2026-01-09 02:02:12Z`,
    status,
  )

/** In the words in which these servers answer. */
export const SERVERS: Mistakes = {
  heading: 'What well-known servers say',
  mistakes: [
    said(
      "Microsoft Entra: the secret's id for its value",
      entra('7000215', 'Invalid client secret provided.', 'invalid_client', 401),
      'not its *Secret ID*',
    ),
    said(
      'Microsoft Entra: the secret has expired',
      entra('7000222', 'The provided client secret keys are expired.', 'invalid_client', 401),
      'has expired',
    ),
    said(
      'Microsoft Entra: the application of another tenant',
      entra('700016', 'Application with identifier was not found in the directory.', 'unauthorized_client'),
      'check `clientId`',
    ),
    said('Microsoft Entra: no such tenant', entra('90002', 'Tenant not found.', 'invalid_request'), 'check the tenant'),
    said(
      'Microsoft Entra: `common` as the tenant',
      entra('50194', 'Application is not configured as a multi-tenant application.', 'invalid_request'),
      'in place of `common`',
    ),
    said(
      'Microsoft Entra: a scope without `/.default`',
      entra('1002012', 'The provided value for scope is not valid.', 'invalid_scope'),
      'ends in `/.default`',
    ),
    said(
      'Microsoft Entra: an API that the tenant does not know',
      entra('500011', 'The resource principal was not found in the tenant.', 'invalid_resource'),
      'application ID URI',
    ),
    said(
      'Microsoft Entra: a certificate that is not registered',
      entra(
        '700027',
        'The certificate used to sign the client assertion is not registered. The key was not found.',
        'invalid_client',
        401,
      ),
      'register its public key',
    ),
    said(
      'Microsoft Entra: the clock is wrong',
      entra('700024', 'Client assertion is not within its valid time range.', 'invalid_client', 401),
      'check the clock',
    ),
    said(
      'Microsoft Entra: credentials in the header that it wants in the form',
      entra('7000216', "'client_assertion', 'client_secret' or 'request' is required.", 'invalid_client', 401),
      "`clientAuthentication: 'client_secret_post'`",
    ),
    said(
      'Okta: a secret at the authorization server of the organisation',
      denial(
        'invalid_client',
        'Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.',
        401,
      ),
      '`privateKeyJwt({ key })` only',
    ),
    said(
      'Okta: the assertion is not for the token endpoint',
      denial(
        'invalid_client',
        'The audience claim for client_assertion must be the endpoint invoked for the request.',
        401,
      ),
      'set `audience` of the assertion',
    ),
    said(
      'Okta: a scope that the authorization server does not have',
      denial('invalid_scope', 'One or more scopes are not configured for the authorization server resource.'),
      'which authorization server',
    ),
    said(
      'Okta: no access policy for the client',
      denial('access_denied', 'Policy evaluation failed for this request, please check the policy configurations.'),
      'access policy',
    ),
    said(
      'Okta: no such authorization server',
      {
        status: 404,
        body: { errorCode: 'E0000007', errorSummary: 'Not found: Resource not found: ordersx (AuthorizationServer)' },
      },
      'check its path',
      'invalid_response',
    ),
    said('Auth0: a wrong secret', denial('access_denied', 'Unauthorized', 401), 'Check the client id and secret'),
    said(
      'Auth0: no `audience`',
      denial('access_denied', 'No audience parameter was provided, and no default audience has been configured', 403),
      'set `audience`',
    ),
    said(
      'Auth0: an `audience` that does not exist',
      denial('access_denied', 'Service not found: https://api.example.com', 403),
      'with or without the slash',
    ),
    said(
      'Auth0: the application is not authorized for the API',
      denial(
        'access_denied',
        'Client is not authorized to access "https://api.example.com". You need to create a "client-grant" associated to this API.',
        403,
      ),
      'Allow this client the API',
    ),
    said(
      'Keycloak: a wrong secret, as most versions say it',
      denial('unauthorized_client', 'Invalid client or Invalid client credentials', 401),
      'Check the client id and secret',
    ),
    said(
      'Keycloak: service accounts are off',
      denial('unauthorized_client', 'Client not enabled to retrieve service account', 401),
      'Service accounts roles',
    ),
    said('Keycloak: no such realm', { status: 404, body: { error: 'Realm does not exist' } }, 'check the realm'),
    said(
      'Keycloak: `http:` to a realm that wants https',
      denial('invalid_request', 'HTTPS required', 403),
      'wants https',
    ),
    said(
      'Keycloak: the client is registered for signed assertions',
      denial('invalid_client', 'Parameter client_assertion_type is missing'),
      '`privateKeyJwt`',
    ),
    said(
      'Amazon Cognito: a wrong secret',
      denial('invalid_client', 'invalid_client_secret'),
      'Check the client id and secret',
    ),
    said(
      'Amazon Cognito: the app client has no client credentials grant',
      denial('unauthorized_client'),
      'Allow this client',
    ),
    said(
      'Google: the clock is wrong',
      denial(
        'invalid_grant',
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
      ),
      'check the clock',
    ),
    said(
      'Google: the key of another account, or one that was deleted',
      denial('invalid_grant', 'Invalid JWT Signature.'),
      'the key replaced',
    ),
    said(
      'Salesforce: no user to run as',
      denial('invalid_grant', 'no client credentials user enabled'),
      'Choose the user',
    ),
    said(
      'Salesforce: `login.salesforce.com` for My Domain',
      denial('invalid_grant', 'request not supported on this domain'),
      'My Domain',
    ),
  ],
}
