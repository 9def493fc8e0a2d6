import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { ClientAuthentication } from '../../src/client-authentication/client-authentication.ts'
import { clientSecretBasic, clientSecretPost } from '../../src/client-authentication/client-secret.ts'
import {
  clientSecretJwt,
  none,
  privateKeyJwt,
  selfSignedTlsClientAuth,
  tlsClientAuth,
  workloadIdentity,
} from '../../src/index.ts'
import { managed } from '../support/managed.ts'
import { authenticated } from '../support/token-request-draft.ts'

const SECRET = 'correct-horse-battery-staple-and-more'
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const VOUCHER = `${part({ alg: 'RS256' })}.${part({ sub: 'pod', exp: 4e9 })}.c2lnbmF0dXJl`

/** Every method, made with {@link SECRET}, {@link PEM} or {@link VOUCHER}. A new one is added here. */
const METHODS: readonly [name: string, authenticate: ClientAuthentication][] = [
  ['client_secret_basic', clientSecretBasic(SECRET)],
  ['client_secret_post', clientSecretPost(SECRET)],
  ['client_secret_jwt', clientSecretJwt(SECRET)],
  ['private_key_jwt', privateKeyJwt({ key: PEM })],
  ['private_key_jwt', workloadIdentity({ assertion: () => VOUCHER })],
  ['tls_client_auth', tlsClientAuth()],
  ['self_signed_tls_client_auth', selfSignedTlsClientAuth()],
  ['none', none()],
]

/** What is sent that must not be seen: the credentials of the header, and the secret or assertion of the form. */
function sent({ headers, body }: { readonly headers: Record<string, string>; readonly body: URLSearchParams }) {
  const texts = [headers.authorization?.split(' ')[1], body.get('client_secret'), body.get('client_assertion')]
  return texts.filter((text): text is string => typeof text === 'string')
}

describe.each(METHODS)('the contract of a client authentication method: %s', (name, authenticate) => {
  it('has its registered name', () => {
    expect(authenticate.method).toBe(name)
  })

  it('Q7: says who the client is, and proves it in one way at the most', async () => {
    const draft = await authenticated(authenticate)
    const said = `${Buffer.from(draft.headers.authorization?.split(' ')[1] ?? '', 'base64')}${draft.body}`
    expect(said + Buffer.from(draft.body.get('client_assertion')?.split('.')[1] ?? '', 'base64url')).toContain(
      'orders-service',
    )
    expect(sent(draft).length).toBeLessThanOrEqual(1)
  })

  it('adds to the request, and leaves what is there', async () => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders.read', audience: 'a' })
    const draft = await authenticated(authenticate, { body, headers: { accept: 'application/json' } })
    expect(Object.fromEntries(draft.body)).toMatchObject({
      ...{ grant_type: 'client_credentials', scope: 'orders.read', audience: 'a' },
    })
    expect(draft.headers.accept).toBe('application/json')
  })

  it('registers as a secret whatever it sends that is one', async () => {
    const draft = await authenticated(authenticate)
    for (const text of sent(draft)) expect(draft.hidden.some((hidden) => text.includes(hidden))).toBe(true)
  })

  it('shows no secret when it is printed', () => {
    const shown = inspect(authenticate, { depth: 10, showHidden: true }) + JSON.stringify({ authenticate })
    for (const secret of [SECRET, PEM.split('\n')[1] ?? '', VOUCHER]) expect(shown).not.toContain(secret)
  })

  it('tells the credential in use by a digest, which is not the credential', async () => {
    const { credential } = await authenticated(authenticate)
    const current = await authenticate.currentCredential?.('orders')
    if (current !== undefined) expect(current).toBe(credential)
    for (const secret of [SECRET, VOUCHER]) expect(`${credential} ${current}`).not.toContain(secret)
  })

  it('leaves nothing of what it sent in the error, when a server repeats it all', async () => {
    // A certificate proves itself in the connection, where there is nothing to repeat.
    if (name.includes('tls')) return
    let arrived: string[] = []
    const { tokens } = managed({
      ...{ clientSecret: undefined, clientAuthentication: authenticate },
      transport: async (_, { headers, body }) => {
        arrived = sent({ headers: { ...headers }, body: new URLSearchParams(body ?? '') })
        const answer = { error: 'invalid_client', error_description: arrived.join() }
        return new Response(JSON.stringify(answer), { status: 401, headers: { 'content-type': 'application/json' } })
      },
    })
    const error = await tokens.getToken().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'request_denied' })
    const shown = inspect(error, { depth: 10, showHidden: true })
    for (const text of [...arrived, SECRET]) expect(shown).not.toContain(text.slice(0, 24))
  })
})
