import { type ClientAuthentication, TokenManager, type TokenRequestDraft } from 'evertoken'

// Stands for a client of the SPIFFE Workload API.
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const fetchSvid = async (aud: string) =>
  `${part({ alg: 'ES256' })}.${part({ sub: 'spiffe://example.com/orders', aud })}.c2ln`

/** Authenticates by the identity document that SPIFFE gives this workload. */
function spiffeJwt(fetchSvid: (audience: string) => Promise<string>): ClientAuthentication {
  const authenticate = async ({ issuer, tokenEndpoint, body, hide }: TokenRequestDraft) => {
    const assertion = await fetchSvid(issuer ?? tokenEndpoint)
    hide(assertion) // kept out of everything the server says back
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe')
    body.set('client_assertion', assertion)
  }
  return Object.assign(authenticate, { method: 'spiffe_jwt' })
}

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'spiffe://example.com/orders',
  clientAuthentication: spiffeJwt(fetchSvid),
})

await tokens.getToken()
