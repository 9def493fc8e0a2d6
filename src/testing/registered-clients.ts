import type { KeyObject } from 'node:crypto'
import type { JsonWebKey } from '../private-key.ts'
import type { ReceivedRequest } from './received-request.ts'
import { certificateThumbprint, publicKeyOf, verifyJwt } from './signatures.ts'
import { UsedOnce } from './used-once.ts'

/** How a client may authenticate. @see RFC 7591 §2, RFC 8705 §2 */
export type TestClientMethod =
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'client_secret_jwt'
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'none'

/** A client that the server knows. */
export interface TestClient {
  /** For `client_secret_basic`, `client_secret_post` and `client_secret_jwt`. */
  readonly secret?: string | undefined
  /** For `private_key_jwt`: PEM, a JWK, or a KeyObject. */
  readonly publicKey?: string | JsonWebKey | KeyObject | undefined
  /** For `tls_client_auth`: the client's certificate, PEM. Needs a server that speaks https. */
  readonly certificate?: string | undefined
  /** The one method that is accepted. Default: whatever these credentials allow; `none` if there are none. */
  readonly method?: TestClientMethod | undefined
  /** What may be granted, parted by spaces. Default: whatever is asked for. */
  readonly scope?: string | undefined
  /** Refuses token requests without a DPoP proof. Default `false`: then a proof binds the token, and none is needed. */
  readonly dpop?: boolean | undefined
  /** How long its tokens live. Default: what holds for all clients. */
  readonly lifetimeMs?: number | undefined
}

interface Registration {
  readonly client: TestClient
  readonly publicKey: KeyObject | undefined
  /** `x5t#S256` of its certificate. */
  readonly thumbprint: string | undefined
  /** Those that are accepted, until when. */
  secrets: { readonly text: string; readonly until: number }[]
}

/** What became of a client's authentication. */
export type Authentication =
  | { readonly clientId: string; readonly client: TestClient }
  | {
      readonly error: 'invalid_client' | 'invalid_request'
      readonly problem: string
      readonly clientId?: string | undefined
    }

interface Credentials {
  readonly clientId: string
  readonly methods: readonly TestClientMethod[]
  readonly isRight: (registration: Registration) => boolean
}

/** The clients of an authorization server, and the check that they are who they say they are. */
export class RegisteredClients {
  readonly #registrations = new Map<string, Registration>()
  readonly #assertions = new UsedOnce()

  constructor(clients: Readonly<Record<string, TestClient | string>>) {
    for (const [clientId, given] of Object.entries(clients)) {
      const client = typeof given === 'string' ? { secret: given } : given
      const secrets = client.secret === undefined ? [] : [{ text: client.secret, until: Infinity }]
      const publicKey = client.publicKey === undefined ? undefined : publicKeyOf(client.publicKey)
      const thumbprint = client.certificate === undefined ? undefined : certificateThumbprint(client.certificate)
      this.#registrations.set(clientId, { client, publicKey, thumbprint, secrets })
    }
  }

  /** A client, by default the first, with the secret that holds now. @throws RangeError for one that is not known */
  find(clientId: string = [...this.#registrations.keys()][0] ?? ''): { clientId: string; secret: string | undefined } {
    return { clientId, secret: this.#get(clientId).secrets.at(-1)?.text }
  }

  /** Gives a client another secret; the earlier ones hold until `until`. @throws RangeError for a client that is not known */
  rotateSecret(clientId: string, secret: string, until: number): void {
    const registration = this.#get(clientId)
    const earlier = registration.secrets.map(({ text, until: end }) => ({ text, until: Math.min(end, until) }))
    registration.secrets = [...earlier, { text: secret, until: Infinity }]
  }

  /** @param audiences what an assertion may be meant for @param now wall-clock time, epoch milliseconds */
  authenticate(request: ReceivedRequest, audiences: readonly string[], now: number): Authentication {
    const found = this.#credentials(request, audiences, now)
    const [credentials, second] = found
    if (credentials === undefined) return { error: 'invalid_client', problem: 'no client authentication' }
    if (second !== undefined) return { error: 'invalid_request', problem: 'more than one client authentication' }
    const { clientId, methods, isRight } = credentials
    const refuse = (problem: string) => ({ error: 'invalid_client' as const, problem, clientId })
    const registration = this.#registrations.get(clientId)
    if (registration === undefined) return refuse('unknown client')
    const { client } = registration
    if (client.method !== undefined && !methods.includes(client.method)) return refuse(`not by ${client.method}`)
    return isRight(registration) ? { clientId, client } : refuse('wrong credentials')
  }

  #get(clientId: string): Registration {
    const registration = this.#registrations.get(clientId)
    if (registration === undefined) throw new RangeError(`The server has no client "${clientId}".`)
    return registration
  }

  #credentials(request: ReceivedRequest, audiences: readonly string[], now: number): Credentials[] {
    const { form, headers, certificate } = request
    const found: Credentials[] = []
    const basic = basicCredentials(headers.authorization)
    const bySecret = (secret: string) => (registration: Registration) =>
      registration.secrets.some(({ text, until }) => text === secret && until > now)
    if (basic !== undefined) {
      found.push({ clientId: basic[0], methods: ['client_secret_basic'], isRight: bySecret(basic[1]) })
    }
    const secret = form.get('client_secret')
    const clientId = form.get('client_id')
    if (secret !== null) {
      found.push({ clientId: clientId ?? '', methods: ['client_secret_post'], isRight: bySecret(secret) })
    }
    const assertion = form.get('client_assertion')
    if (assertion !== null) found.push(this.#asserted(assertion, audiences, now))
    if (found.length > 0 || clientId === null) return found
    const isRight = ({ thumbprint, secrets, publicKey }: Registration) =>
      thumbprint === undefined ? secrets.length === 0 && publicKey === undefined : thumbprint === certificate
    return [{ clientId, methods: ['tls_client_auth', 'none'], isRight }]
  }

  /** @see RFC 7523 §3 */
  #asserted(assertion: string, audiences: readonly string[], now: number): Credentials {
    const clientId = String(claimsOf(assertion).sub)
    const isRight = ({ publicKey, secrets }: Registration) => {
      const keys =
        publicKey === undefined
          ? secrets.filter(({ until }) => until > now).map(({ text }) => ({ secret: text }))
          : [{ publicKey }]
      const verified = keys.map((key) => verifyJwt(assertion, () => key)).find((jwt) => jwt !== undefined)
      if (verified === undefined) return false
      const { iss, aud, exp, jti } = verified.claims
      const until = Number(exp) * 1000
      const isMeant = [aud].flat().some((audience) => audiences.includes(String(audience)))
      return iss === clientId && isMeant && until > now && this.#assertions.isFirst(`${clientId} ${jti}`, until, now)
    }
    return { clientId, methods: ['private_key_jwt', 'client_secret_jwt'], isRight }
  }
}

/** @see RFC 6749 §2.3.1 */
function basicCredentials(header: string | undefined): [id: string, secret: string] | undefined {
  const [, encoded] = /^Basic (\S+)$/i.exec(header ?? '') ?? []
  if (encoded === undefined) return undefined
  const [, id = '', secret = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  return [formDecoded(id), formDecoded(secret)]
}

const formDecoded = (text: string) => new URLSearchParams(`v=${text.replaceAll('&', '%26')}`).get('v') ?? ''

/** What a JWT claims before anything is checked: whose key is to check it. */
function claimsOf(jwt: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
  } catch {
    return {}
  }
}
