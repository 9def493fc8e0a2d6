import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import type { ReceivedRequest } from '../support/http-server.ts'
import { type Answer, denial } from './mistake.ts'

/** Checks how a request authenticates, by the secret `secret` and in one way only, as a server does. */
export function checkingSecret(takes: 'header' | 'raw header' | 'form', secret: string) {
  return ({ headers, body }: ReceivedRequest): Answer => {
    const given =
      takes === 'form' ? new URLSearchParams(body).get('client_secret') : inHeader(headers.authorization, takes)
    return given === secret ? token() : denial('invalid_client', undefined, 401)
  }
}

function inHeader(authorization: string | undefined, takes: 'header' | 'raw header'): string | undefined {
  const [, credentials = ''] = authorization?.split(' ') ?? []
  const [, secret] = Buffer.from(credentials, 'base64').toString().split(':')
  return takes === 'raw header' ? secret : (new URLSearchParams(`a=${secret}`).get('a') ?? undefined)
}

/** Checks an assertion by a public key that is known under a name, as RFC 7523 section 3 demands. */
export function checkingAssertion(keys: JSONWebKeySet, audience: string) {
  return async ({ body }: ReceivedRequest): Promise<Answer> => {
    const assertion = new URLSearchParams(body).get('client_assertion') ?? ''
    try {
      await jwtVerify(assertion, createLocalJWKSet(keys), { audience, clockTolerance: 30, maxTokenAge: '2 minutes' })
      return token()
    } catch {
      return denial('invalid_client', undefined, 401)
    }
  }
}

/** An answer with a token. */
function token(): Answer {
  return { status: 200, body: { access_token: 'Marker-T0ken', token_type: 'Bearer', expires_in: 3600 } }
}
