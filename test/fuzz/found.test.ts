import axios from 'axios'
import { clientCertificateFromFiles, TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { createTokenFetch } from 'evertoken/fetch'
import { auth0, keycloak, okta } from 'evertoken/providers'
import { MemoryTokenStore } from 'evertoken/testing'
import { describe, expect, it } from 'vitest'
import { Fleet } from '../support/fleet.ts'

const CLIENT = { tokenEndpoint: 'https://as.example/token', clientId: 'orders', clientSecret: 'correct horse' }
const manager = () => new TokenManager(CLIENT)

describe('what fuzzing has brought up', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['a proxy that is a symbol', () => new TokenManager({ ...CLIENT, proxy: Symbol('a') as never }), /`proxy` must be/],
    ['no origins', () => createTokenFetch(manager(), { origins: null as never }), /`origins` must be a list/],
    ['a name that is an object', () => manager().source({ client: { a: 1 } as never }), /`client` must be the name/],
    [
      'a name that is an object, of an attachment',
      () => attachTokenManager(axios.create(), manager(), { client: ['a'] as never }),
      /`client` must be the name/,
    ],
    ['no files of a certificate', () => clientCertificateFromFiles(null as never), /`options` must be an object/],
    ['no options of a store', () => new MemoryTokenStore(null as never), /`options` must be an object/],
    [
      'a client authentication that is no text, and cannot be made one',
      () => new TokenManager({ ...CLIENT, clientAuthentication: { __proto__: null } as never }),
      /`clientAuthentication` must be/,
    ],
    ['no options of Auth0', () => auth0(undefined as never), /`options` must be an object/],
    ['no options of Okta', () => okta(undefined as never), /`options` must be an object/],
    ['no options of Keycloak', () => keycloak('a' as never), /`options` must be an object/],
  ])('is refused by an error that names the option: %s', (_, make, message) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  it('a token of a store is never of use for longer than it lives', async () => {
    const fleet = new Fleet()
    const encryption = { plaintext: true }
    await fleet.tokensOf([fleet.join({}, encryption)])
    fleet.store.tamper((record) => ({ ...record, leftMs: 8e15, value: record.value.replace(/[.]\d+[.]/, '.1e400.') }))
    const { tokens } = fleet.join({}, encryption)
    expect(await fleet.tokensOf([{ tokens } as never])).toEqual(['token-1'])
    const { expiresAt } = tokens.inspect({}).token ?? {}
    expect(Date.parse(String(expiresAt))).toBeLessThanOrEqual(fleet.clock.now() + 3_600_000)
  })

  it('a token of a store that is bound to a key is of no use to a client without one', async () => {
    const fleet = new Fleet()
    const encryption = { plaintext: true }
    await fleet.tokensOf([fleet.join({}, encryption)])
    fleet.store.tamper((record) => {
      const [, head = '', content = ''] = /^(.*[.])([^.]+)$/s.exec(record.value) ?? []
      const bound = Buffer.from(content, 'base64').toString().replace('"Bearer"', '"DPoP"')
      return { ...record, value: head + Buffer.from(bound).toString('base64') }
    })
    const { tokens } = fleet.join({}, encryption)
    expect(await fleet.tokensOf([{ tokens } as never])).toEqual(['token-2'])
    expect(tokens.inspect({}).token?.tokenType).toBe('Bearer')
  })

  it.each<[string, unknown]>([
    ['an empty object', {}],
    ['a code that is none', { code: 7, message: 'Denied' }],
    ['texts that are none', { code: 'request_denied', message: 1, hint: {}, status: 'x', retryAfterMs: 'soon' }],
  ])('an error in the clear that another process wrote is whole, whatever it says: %s', async (_, content) => {
    const fleet = new Fleet()
    const encryption = { plaintext: true }
    fleet.server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    await expect(fleet.tokensOf([fleet.join({}, encryption)], 50)).rejects.toMatchObject({ code: 'request_denied' })
    const text = Buffer.from(JSON.stringify(content)).toString('base64')
    fleet.store.tamper((record) => ({ ...record, value: record.value.replace(/[^.]+$/, text) }))
    const { tokens } = fleet.join({}, encryption)
    const found = expect.objectContaining({ code: 'request_denied', status: 400, message: expect.stringMatching(/\w/) })
    await expect(fleet.tokensOf([{ tokens } as never], 20)).rejects.toEqual(found)
    expect(fleet.server.requests).toHaveLength(1)
  })
})
