import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { type WorkloadIdentityOptions, workloadIdentity } from '../../src/client-authentication/workload-identity.ts'
import { authenticated, authenticationFailure, NOW } from '../support/token-request-draft.ts'

const folder = mkdtempSync(join(tmpdir(), 'evertoken-workload-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'token')

const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown, signature = 'TWFya2Vy') => `${segment({ alg: 'RS256' })}.${segment(claims)}.${signature}`
const CLAIMS = { iss: 'https://cluster.example', sub: 'system:serviceaccount:shop:orders', exp: NOW / 1000 + 60 }

describe('workloadIdentity', () => {
  it.each<[string, WorkloadIdentityOptions]>([
    ['a file', { file }],
    ['a function', { assertion: () => jwt(CLAIMS) }],
    ['an async function', { assertion: async () => jwt(CLAIMS) }],
  ])('Q11: sends what the platform vouches with, and the client’s id: from %s', async (_, options) => {
    writeFileSync(file, `${jwt(CLAIMS)}\n`)
    const authenticate = workloadIdentity(options)
    const { body, headers, hidden } = await authenticated(authenticate)
    expect(Object.fromEntries(body)).toEqual({
      grant_type: 'client_credentials',
      client_id: 'orders-service',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: jwt(CLAIMS),
    })
    expect(headers).toEqual({})
    expect(hidden).toEqual([jwt(CLAIMS)])
    expect(authenticate.method).toBe('private_key_jwt')
  })

  it('reads the file for every assertion, and can tell a new one', async () => {
    writeFileSync(file, jwt(CLAIMS))
    const authenticate = workloadIdentity({ file })
    const first = await authenticated(authenticate)
    expect(await authenticate.currentCredential?.('orders')).toBe(first.credential)
    writeFileSync(file, jwt(CLAIMS, 'bmV3'))
    const second = await authenticated(authenticate)
    expect(second.body.get('client_assertion')).toBe(jwt(CLAIMS, 'bmV3'))
    expect(await authenticate.currentCredential?.('orders')).toBe(second.credential)
    expect(second.credential).not.toBe(first.credential)
  })

  it('does not take a new assertion of a function for news, because there is one every time', () => {
    expect(workloadIdentity({ assertion: () => jwt(CLAIMS) }).currentCredential).toBeUndefined()
  })

  it.each([
    ['without an expiry', jwt({})],
    ['with an expiry that is no number', jwt({ exp: 'soon' })],
    ['with an expiry beyond all time', jwt({ exp: -1e300 })],
    ['whose claims are no object', jwt(null)],
    ['whose claims cannot be read', 'eyJ9.bm9uZQ.c2ln'],
    ['that expires a millisecond later', jwt({ exp: (NOW + 1) / 1000 })],
  ])('leaves it to the server to judge an assertion %s', async (_, assertion) => {
    const { body } = await authenticated(workloadIdentity({ assertion: () => assertion }))
    expect(body.get('client_assertion')).toBe(assertion)
  })

  it.each<[string, string, string, string]>([
    ['is missing', '', 'gone does not exist', 'Is the volume mounted'],
    ['is empty', '\n', 'token is empty', 'Has it been written'],
    ['holds something else', 'Marker-S3cret', 'is not a JWT', 'three parts'],
    ['holds two parts', 'Marker.b', 'is not a JWT', 'three parts'],
    ['holds an encrypted token', 'Marker.b.c.d.e', 'is not a JWT', 'three parts'],
    ['holds two tokens', 'Marker.b.c\na.b.c', 'is not a JWT', 'three parts'],
    ['has expired', jwt({ exp: NOW / 1000 }), 'expired at 2026-01-01T00:00:00.789Z', 'subPath'],
  ])('fails, to be tried again, with a hint when the file %s', async (_, content, problem, hint) => {
    const path = content === '' ? join(folder, 'gone') : file
    if (content !== '') writeFileSync(file, content)
    const error = await authenticationFailure(workloadIdentity({ file: path }))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: true })
    expect(error.message).toContain(`${problem}.`)
    expect(error.message).toContain('client "orders"')
    expect(error.message).toContain(folder)
    expect(error.hint).toContain(hint)
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain('Marker')
  })

  it.each([
    ['nothing', undefined],
    ['no text', { token: 'Marker' }],
    ['something else', 'Marker'],
  ])('fails when the function gives %s', async (_, given) => {
    const error = await authenticationFailure(workloadIdentity({ assertion: () => given as string }))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders' })
    expect(error.message).toContain('The assertion that the function given as `assertion` returned for client "orders"')
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain('Marker')
  })

  it('fails, to be tried again, when the function does', async () => {
    const assertion = () => Promise.reject(new Error('metadata service is down'))
    const error = await authenticationFailure(workloadIdentity({ assertion }))
    expect(error).toMatchObject({ code: 'secret_unavailable', retryable: true })
    expect(error.cause).toMatchObject({ message: 'metadata service is down' })
  })

  it.each<[object | undefined, string]>([
    [{}, 'option `file` or `assertion` must be given, and not both'],
    [{ file: undefined }, 'option `file` or `assertion` must be given'],
    [{ file, assertion: () => '' }, 'and not both'],
    [{ file: '' }, 'option `file` must be the path of a file'],
    [{ assertion: jwt(CLAIMS) }, 'option `assertion` must be a function. A fixed assertion would soon be'],
    [{ path: file }, 'option `path` is not an option'],
    [undefined, 'option `options` must be an object'],
  ])('refuses at once: %j', (options, words) => {
    expect(() => workloadIdentity(options as WorkloadIdentityOptions)).toThrow(TypeError)
    expect(() => workloadIdentity(options as WorkloadIdentityOptions)).toThrow(words)
  })
})
