import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type ClientAuthentication, TokenManager, type TokenRequestDraft } from 'evertoken'
import { SignJWT } from 'jose'

const certificates = process.env.CERTIFICATES ?? '/etc/ssl/orders'

/** Authenticates by a signed assertion instead of a secret. @see RFC 7523 §2.2 */
function privateKeyJwt(key: KeyObject): ClientAuthentication {
  const authenticate = async ({ clientId, issuer, tokenEndpoint, body, hide }: TokenRequestDraft) => {
    const assertion = await new SignJWT({ iss: clientId, sub: clientId, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setAudience(issuer ?? tokenEndpoint)
      .setIssuedAt()
      .setExpirationTime('1 minute')
      .sign(key)
    hide(assertion) // kept out of everything the server says back
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', assertion)
  }
  return Object.assign(authenticate, { method: 'private_key_jwt' })
}

const key = createPrivateKey(await readFile(`${certificates}/client.key`))

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientAuthentication: privateKeyJwt(key),
})

await tokens.getToken()
