/**
 * What deployed authorization servers say in their own words, and the mistake that those words mean. Looked for in
 * `error` and `error_description`; the hint is ours alone, so that nothing of the server's text gets into it.
 */
const KNOWN_DENIALS: readonly (readonly [words: RegExp, hint: string])[] = [
  // Microsoft Entra
  [
    /AADSTS7000215\b/,
    'The secret is wrong. At Microsoft Entra it is the *Value* of a client secret, not its *Secret ID*.',
  ],
  [/AADSTS7000222\b/, 'The client secret has expired: have a new one made at Microsoft Entra.'],
  [
    /AADSTS700016\b/,
    'This tenant has no application of that client id: check `clientId` (the *Application (client) ID*), and the tenant in the URL.',
  ],
  [/AADSTS9000(?:2|23)\b/, 'There is no such tenant: check the tenant in the URL of the token endpoint.'],
  [
    /AADSTS50194\b/,
    "The application belongs to one tenant: write that tenant's id in the URL, in place of `common` or `organizations`.",
  ],
  [
    /AADSTS(?:1002012|70011)\b/,
    'Microsoft Entra wants one scope that ends in `/.default`, such as `api://orders/.default`; `microsoftEntra` from evertoken/providers writes it.',
  ],
  [
    /AADSTS500011\b/,
    "This tenant does not know the API: check the application ID URI in `scope`, and that the API's application is in this tenant.",
  ],
  [
    /AADSTS700027\b|key was not found|public key (?:not found|could not be)|no (?:matching|applicable) (?:public )?key/i,
    'The server does not know the key that signed: register its public key or certificate, and give its name as `keyId`, or its `certificate`.',
  ],
  [
    /AADSTS700024\b|short-lived token|token is not active|assertion (?:has |is )?expired/i,
    'The assertion is not valid at this time: check the clock of this machine.',
  ],
  [
    /AADSTS700021[68]\b|client_assertion_type is missing/i,
    'The server found no credentials of the kind it wants: it may take the secret in the form only, ' +
      "`clientAuthentication: 'client_secret_post'`, or want `privateKeyJwt`.",
  ],
  // Okta
  [
    /must use the private_key_jwt/i,
    "This server takes `privateKeyJwt({ key })` only, as Okta's own authorization server does; a custom one takes secrets.",
  ],
  [
    /AADSTS700023\b|audience claim (?:for client_assertion )?must be|invalid (?:token )?audience|"?aud"? claim/i,
    'The assertion is addressed to somebody else: set `audience` of the assertion to the URL of the token endpoint, or to the issuer.',
  ],
  [
    /policy evaluation failed/i,
    "No rule of the authorization server's access policy lets this client have these scopes: add one, or ask for others.",
  ],
  [
    /scopes are not configured/i,
    'The authorization server has no such scope: check its spelling, and which authorization server the URL names.',
  ],
  // Auth0
  [
    /service not (?:found|enabled)/i,
    'The server knows no API of that name: check `audience`, which is its identifier, with or without the slash at the end.',
  ],
  [/no audience parameter/i, 'The server wants to know for which API: set `audience` to its identifier.'],
  [
    /client-?grant|not authorized to access/i,
    'Allow this client the API where the client is registered: it has no grant for that `audience`.',
  ],
  // Keycloak
  [
    /not enabled to retrieve service account/i,
    'Switch on *Service accounts roles* of this client: without it Keycloak gives the client no token of its own.',
  ],
  [/realm does not exist/i, 'There is no such realm: check the realm in the URL, whose letter case matters.'],
  [/https required/i, 'The server wants https, or does not know that a proxy before it has terminated TLS.'],
  // Salesforce, Google
  [
    /no client credentials user/i,
    'Choose the user that the app runs as, under *Client Credentials Flow* of the connected app.',
  ],
  [/not supported on this domain/i, "Use the organisation's own address, its My Domain, and not login.salesforce.com."],
  [
    /jwt signature|signature (?:verification )?(?:failed|is invalid)|invalid signature/i,
    'The signature does not fit the key that the server knows: was the key replaced at one side only, or is `keyId` that of another?',
  ],
  [
    /not authorized for any of the scopes/i,
    'This account is allowed none of the scopes: check `scope`, and where access is delegated.',
  ],
]

// Longer ones are no explanation, and every pattern reads them.
const MOST_WORDS = 2000

/** The hint for a denial in words that are known; `undefined` for any other. */
export function hintForKnownWords(error: string, description: unknown): string | undefined {
  const words = `${error} ${typeof description === 'string' ? description.slice(0, MOST_WORDS) : ''}`
  return KNOWN_DENIALS.find(([known]) => known.test(words))?.[1]
}

/**
 * Whether it is the secret that is refused, although `error` says something else: Auth0 says `access_denied` then, and
 * Keycloak `unauthorized_client`.
 */
export function isAboutCredentials(error: string, description: unknown, status: number): boolean {
  if (typeof description !== 'string') return false
  if (error === 'unauthorized_client') return /client (?:secret|credentials)/i.test(description.slice(0, MOST_WORDS))
  return error === 'access_denied' && status === 401 && /^unauthorized$/i.test(description.trim())
}
