import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { clientSecretBasic, TokenError, TokenManager, TokenTransportError } from '../../src/index.ts'
import { sendJson, startServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { TestAuthority } from '../support/tls.ts'

const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(TokenError)
  return error as TokenError
}

/** The first request that a manager with these options sends. */
async function sent(options: Parameters<typeof managed>[0] = {}, request = {}) {
  const { tokens, server } = managed(options)
  await tokens.getToken(request)
  const [first] = server.requests
  return first ?? expect.unreachable('nothing was sent')
}

describe('token request', () => {
  it('Q1: uses POST', async () => {
    expect((await sent()).method).toBe('POST')
  })

  it('Q2: keeps the query of the token endpoint, and refuses a fragment', async () => {
    expect((await sent({ tokenEndpoint: 'https://as.example/token?p=1&q=%20' })).url).toBe(
      'https://as.example/token?p=1&q=%20',
    )
    expect(() => managed({ tokenEndpoint: 'https://as.example/token#x' })).toThrow('must not have a fragment')
  })

  it('Q3: sends each parameter once, and none that is empty', async () => {
    const { form } = await sent({
      scope: ['b', 'a', 'b'],
      resource: ['https://a.example', 'https://b.example', 'https://a.example'],
      parameters: { organization: 'org_1', empty: '' },
    })
    expect([...form]).toEqual([
      ['grant_type', 'client_credentials'],
      ['scope', 'b a'],
      ['resource', 'https://a.example'],
      ['resource', 'https://b.example'],
      ['organization', 'org_1'],
    ])
    expect(() => managed({ parameters: { grant_type: 'password' } })).toThrow(
      '`parameters.grant_type` is set by evertoken',
    )
  })

  it('Q4: encodes the form as UTF-8', async () => {
    await using server = await startServer((response) =>
      sendJson(response, { access_token: 'a', token_type: 'Bearer', expires_in: 60 }),
    )
    await using tokens = new TokenManager({
      tokenEndpoint: server.origin,
      allowInsecureLoopback: true,
      clientId: 'orders',
      clientSecret: 's3cret',
      audience: 'Bücher & Söhne',
      proxy: false,
    })
    await tokens.getToken()
    expect(server.requests[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(server.requests[0]?.body).toBe('grant_type=client_credentials&audience=B%C3%BCcher+%26+S%C3%B6hne')
  })

  it('Q5: authenticates by exactly one method', async () => {
    const basic = await sent()
    expect(basic.headers.authorization).toMatch(/^Basic /)
    expect([...basic.form.keys()]).toEqual(['grant_type'])
    const post = await sent({ clientAuthentication: 'client_secret_post' })
    expect(post.headers.authorization).toBeUndefined()
    expect([...post.form.keys()]).toEqual(['grant_type', 'client_id', 'client_secret'])
    expect(() => managed({ clientAuthentication: clientSecretBasic('a'), clientSecret: 'b' })).toThrow('`clientSecret`')
  })

  it.each([
    [':', '%3A'],
    ['+', '%2B'],
    ['%', '%25'],
    ['é', '%C3%A9'],
    [' ', '+'],
    ['-._*', '-._*'],
    ['~', '%7E'],
  ])('Q6: form-encodes id and secret before Base64: %j', async (text, encoded) => {
    const { headers } = await sent({ clientId: `id${text}`, clientSecret: `secret${text}` })
    const [, credentials = ''] = (headers.authorization ?? '').split(' ')
    expect(Buffer.from(credentials, 'base64').toString()).toBe(`id${encoded}:secret${encoded}`)
  })

  it('Q7: never puts the secret into the URL', async () => {
    for (const clientAuthentication of ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const) {
      const { url } = await sent({ clientSecret: 'Marker-S3cret of thirty-two bytes.', clientAuthentication })
      expect(url).not.toContain('Marker')
    }
    expect(() => managed({ tokenEndpoint: 'https://id:secret@as.example/token' })).toThrow('user name or password')
  })

  it('Q8: uses TLS only, and verifies chain and host name', async () => {
    expect(() => managed({ tokenEndpoint: 'http://as.example/token' })).toThrow('must be an https URL')
    expect(() => managed({ tokenEndpoint: 'http://localhost/token' })).toThrow('allowInsecureLoopback')
    const authority = new TestAuthority()
    const server = createServer(authority.issue({ names: ['other.example'] }), (_, response) => response.end())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const tokenEndpoint = `https://localhost:${(server.address() as AddressInfo).port}`
    const options = { tokenEndpoint, clientId: 'orders', clientSecret: 's3cret', proxy: false } as const
    for (const ca of [undefined, authority.cert]) {
      await using tokens = new TokenManager({ ...options, ca })
      const error = await failure(tokens.getToken())
      expect(error).toBeInstanceOf(TokenTransportError)
      expect(error.code).toBe('tls')
    }
    server.close()
  })

  it('Q9: takes scope tokens of the grammar, sends them in order, and keys on the set', async () => {
    for (const scope of ['a"b', 'a\\b', 'a\tb', 'ä', 'a\nb']) {
      expect(() => managed({ scope })).toThrow('`scope`')
    }
    const { tokens, server } = managed()
    const [one, other, upper] = await Promise.all([
      tokens.getToken({ scope: 'b a' }),
      tokens.getToken({ scope: ['a', 'b', 'a'] }),
      tokens.getToken({ scope: 'A B' }),
    ])
    expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(['b a', 'A B'])
    expect(other).toBe(one)
    expect(upper).not.toBe(one)
  })

  it('Q10: asks for no scope and no audience that was not configured', async () => {
    const { form } = await sent()
    expect([...form]).toEqual([['grant_type', 'client_credentials']])
  })

  it.each([301, 302, 303, 307, 308])('Q15: follows no redirect of the token endpoint: %i', async (status) => {
    await using other = await startServer((response) => sendJson(response, { access_token: 'stolen' }))
    await using server = await startServer((response) => {
      response.writeHead(status, { location: `${other.origin}/token` }).end()
    })
    for (const transport of [undefined, fetch]) {
      await using tokens = new TokenManager({
        tokenEndpoint: server.origin,
        allowInsecureLoopback: true,
        clientId: 'orders',
        clientSecret: 's3cret',
        ...(transport === undefined ? { proxy: false } : { transport }),
      })
      expect(await failure(tokens.getToken())).toMatchObject({ code: 'redirect_refused', retryable: false })
    }
    expect(other.requests).toEqual([])
  })
})
