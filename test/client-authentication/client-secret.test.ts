import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { ClientSecret, TokenRequestDraft } from '../../src/client-authentication/client-authentication.ts'
import {
  type BasicEncoding,
  clientSecretBasic,
  clientSecretBy,
  clientSecretPost,
} from '../../src/client-authentication/client-secret.ts'
import { TokenError } from '../../src/errors.ts'

const SECRET = 'Marker-S3cret'

interface Draft extends TokenRequestDraft {
  readonly hidden: string[]
}

function draft(init: Partial<TokenRequestDraft> = {}): Draft {
  const hidden: string[] = []
  return {
    client: 'orders',
    clientId: 'orders-service',
    tokenEndpoint: 'https://as.example/token',
    issuer: undefined,
    now: 0,
    supportedMethods: undefined,
    headers: {},
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    hidden,
    hide: (secret) => hidden.push(secret),
    ...init,
  }
}

/** The two halves of what a Basic header holds, undecoded. */
async function basicOf(clientId: string, secret: ClientSecret, encoding?: BasicEncoding): Promise<string> {
  const request = draft({ clientId })
  await clientSecretBasic(secret, encoding)(request)
  const [scheme, credentials = ''] = (request.headers.authorization ?? '').split(' ')
  expect(scheme).toBe('Basic')
  return Buffer.from(credentials, 'base64').toString()
}

async function failureOf(work: Promise<unknown> | void): Promise<TokenError> {
  try {
    await work
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  return expect.fail('the request was authenticated')
}

describe('clientSecretBasic', () => {
  it('Q5: sends id and secret in the header, and nothing of them in the body', async () => {
    const request = draft()
    const authenticate = clientSecretBasic(SECRET)
    await authenticate(request)
    // printf 'orders-service:Marker-S3cret' | base64
    expect(request.headers).toEqual({ authorization: 'Basic b3JkZXJzLXNlcnZpY2U6TWFya2VyLVMzY3JldA==' })
    expect(request.body.toString()).toBe('grant_type=client_credentials')
    expect(authenticate.method).toBe('client_secret_basic')
  })

  // Encoded by hand after RFC 6749 appendix B: application/x-www-form-urlencoded over UTF-8.
  it.each([
    ['letters and digits', 'aZ09', 'aZ09'],
    ['what the serialiser leaves bare', '-._*', '-._*'],
    ['a space', 'a b', 'a+b'],
    ['a plus', 'a+b', 'a%2Bb'],
    ['a percent', '100%', '100%25'],
    ['what looks encoded already', '%41', '%2541'],
    ['a colon', 'a:b', 'a%3Ab'],
    ['a tilde', 'a~b', 'a%7Eb'],
    ['marks that encodeURIComponent would leave', "!'()", '%21%27%28%29'],
    ['two bytes of UTF-8', 'é', '%C3%A9'],
    ['three bytes of UTF-8', '€', '%E2%82%AC'],
    ['four bytes of UTF-8', '🙈', '%F0%9F%99%88'],
    ['what ends a parameter', 'a&b=c', 'a%26b%3Dc'],
    ['the example of RFC 6749 appendix B', ' %&+£€', '+%25%26%2B%C2%A3%E2%82%AC'],
  ])('Q6: form-encodes id and secret, each for itself: %s', async (_what, plain, encoded) => {
    expect(await basicOf(plain, 'secret')).toBe(`${encoded}:secret`)
    expect(await basicOf('id', plain)).toBe(`id:${encoded}`)
    expect(await basicOf(plain, plain, 'form')).toBe(`${encoded}:${encoded}`)
  })

  it.each(['-._*', 'a b', 'a+b', '100%', 'a~b', 'é', 'a&b=c'])(
    'Q6: sends %j as it is to servers that do not decode',
    async (plain) => {
      expect(await basicOf('id', plain, 'raw')).toBe(`id:${plain}`)
      expect(await basicOf(plain, 'secret', 'raw')).toBe(`${plain}:secret`)
    },
  )

  it('hides the secret and the header', async () => {
    const request = draft()
    await clientSecretBasic('a b/Marker')(request)
    // printf 'orders-service:a+b%%2FMarker' | base64
    expect(request.hidden).toEqual(['a b/Marker', 'b3JkZXJzLXNlcnZpY2U6YStiJTJGTWFya2Vy'])
    expect(request.hidden).toContain(request.headers.authorization?.slice('Basic '.length))
  })

  it('refuses an encoding that it does not know', () => {
    expect(() => clientSecretBasic(SECRET, 'Raw' as BasicEncoding)).toThrow("`basicEncoding` must be 'form' or 'raw'")
  })
})

describe('clientSecretPost', () => {
  it('sends id and secret as form parameters, and no header', async () => {
    const request = draft()
    const authenticate = clientSecretPost('a b:é')
    await authenticate(request)
    expect(request.headers).toEqual({})
    expect(request.body.toString()).toBe(
      'grant_type=client_credentials&client_id=orders-service&client_secret=a+b%3A%C3%A9',
    )
    expect(request.hidden).toContain('a b:é')
    expect(authenticate.method).toBe('client_secret_post')
  })
})

describe('the method by metadata', () => {
  it.each([
    ['there is no metadata, or it does not say', undefined, 'basic'],
    ['only Basic is listed', ['client_secret_basic'], 'basic'],
    ['both are listed', ['client_secret_post', 'client_secret_basic'], 'basic'],
    ['only post is listed', ['client_secret_post'], 'post'],
    ['post is listed among others', ['private_key_jwt', 'client_secret_post', 'tls_client_auth'], 'post'],
  ])('is the right one when %s', async (_when, supportedMethods, expected) => {
    const request = draft({ supportedMethods })
    const authenticate = clientSecretBy(undefined, SECRET)
    await authenticate(request)
    expect(authenticate.method).toBeUndefined()
    expect('authorization' in request.headers ? 'basic' : 'post').toBe(expected)
    expect(request.body.has('client_secret') ? 'post' : 'basic').toBe(expected)
  })

  it.each([
    ['others', ['private_key_jwt', 'tls_client_auth'], 'lists private_key_jwt, tls_client_auth.'],
    ['none', ['none'], 'lists none.'],
    ['capitals', ['CLIENT_SECRET_BASIC'], 'lists CLIENT_SECRET_BASIC.'],
    ['nothing', [], 'lists no method.'],
    ['text without end that acts on a terminal', ['a\u001b[2J\u202e'.repeat(1000)], '…'],
  ])('is an error that names the methods when the metadata lists neither: %s', async (_, supportedMethods, words) => {
    let asked = 0
    const secret = () => {
      asked += 1
      return SECRET
    }
    const request = draft({ supportedMethods })
    const error = await failureOf(clientSecretBy(undefined, secret)(request))
    expect(error).toMatchObject({ code: 'unsupported_client_authentication', client: 'orders', retryable: false })
    expect(error.message).toContain(words)
    expect(error.message).toContain('"orders"')
    expect(error.hint).toContain('`clientAuthentication`')
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(error.message.length).toBeLessThan(500)
    // Nothing is sent, so nothing is read.
    expect(asked).toBe(0)
    expect(request.headers).toEqual({})
    expect(request.body.toString()).toBe('grant_type=client_credentials')
  })

  it('uses the encoding that was asked for', async () => {
    const request = draft()
    await clientSecretBy(undefined, 'a b', 'raw')(request)
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from('orders-service:a b').toString('base64')}`)
  })
})

describe('a secret', () => {
  it.each([
    ['missing', undefined, 'is undefined, not a string', 'environment variable'],
    ['null', null, 'is null, not a string', 'environment variable'],
    ['a number', 5, 'is number, not a string', 'environment variable'],
    ['empty', '', 'is empty', 'environment variable'],
    ['followed by a line break', `${SECRET}\n`, 'has a line break or another control character', 'trim it'],
    ['holding NUL', `${SECRET}\0x`, 'has a line break or another control character', 'trim it'],
  ])('that is %s is refused: at once if it is fixed, else when it is read', async (_what, secret, problem, hint) => {
    for (const make of [clientSecretBasic, clientSecretPost]) {
      expect(() => make(secret as string)).toThrow(TypeError)
      expect(() => make(secret as string)).toThrow(`evertoken: option \`clientSecret\` ${problem}`)
      expect(() => make(secret as string)).toThrow(hint)
      expect(() => make(secret as string)).not.toThrow('Marker')
      const error = await failureOf(make(() => secret as string)(draft()))
      expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: false })
      expect(error.message).toContain(`returned for client "orders" ${problem}.`)
      expect(error.hint).toContain(hint)
      expect(inspect(error, { showHidden: true })).not.toContain('Marker')
    }
  })

  it('is named by the place of its option', () => {
    expect(() => clientSecretBy('client_secret_post', '', 'form', 'clients.orders.')).toThrow(
      '`clients.orders.clientSecret`',
    )
  })

  it('is asked for anew for every request, from a function or an async one', async () => {
    let version = 0
    for (const supplier of [() => `v${++version}`, async () => `v${++version}`]) {
      const authenticate = clientSecretPost(supplier)
      const sent: (string | null)[] = []
      for (let attempt = 0; attempt < 3; attempt++) {
        const request = draft()
        await authenticate(request)
        sent.push(request.body.get('client_secret'))
      }
      expect(new Set(sent).size).toBe(3)
    }
    expect(version).toBe(6)
  })

  it.each<[how: string, supplier: () => string | Promise<string>]>([
    [
      'throws',
      () => {
        throw Object.assign(new Error('vault is sealed'), { code: 'SEALED', config: { token: SECRET } })
      },
    ],
    [
      'rejects',
      async () => {
        throw Object.assign(new Error('vault is sealed'), { code: 'SEALED', config: { token: SECRET } })
      },
    ],
  ])('that cannot be had because its function %s is an error to retry, with a plain cause', async (_how, supplier) => {
    const error = await failureOf(clientSecretBasic(supplier)(draft()))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: true })
    expect(error.message).toContain('"orders"')
    expect(error.cause).toMatchObject({ message: 'vault is sealed', code: 'SEALED' })
    expect(Object.getPrototypeOf(error.cause)).toBe(Error.prototype)
    expect(error.cause).not.toHaveProperty('config')
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain('Marker')
  })

  it('leaves a digest by which a change can be told, and never itself', async () => {
    let secret = SECRET
    const authenticate = clientSecretBasic(() => secret)
    const request = draft()
    await authenticate(request)
    expect(await authenticate.currentCredential?.('orders')).toBe(request.credential)
    expect(request.credential).toMatch(/^[0-9a-f]{64}$/)
    secret = 'another'
    expect(await authenticate.currentCredential?.('orders')).not.toBe(request.credential)
  })

  it('that is fixed cannot change, and is not said to', () => {
    expect(clientSecretBasic(SECRET).currentCredential).toBeUndefined()
    expect(clientSecretPost(SECRET).currentCredential).toBeUndefined()
  })

  it('is not visible in the function that sends it', () => {
    for (const authenticate of [
      clientSecretBasic(SECRET),
      clientSecretPost(SECRET),
      clientSecretBy(undefined, SECRET),
    ]) {
      const shown = `${inspect(authenticate, { showHidden: true, depth: null })}${String(authenticate)}${JSON.stringify({ authenticate })}`
      expect(shown).not.toContain('Marker')
    }
  })
})
