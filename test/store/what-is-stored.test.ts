import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { privateKeyJwt } from '../../src/index.ts'
import { Fleet } from '../support/fleet.ts'

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

describe('what is in a store, were it not encrypted,', () => {
  it('is the token, and no private key that it is bound to or requested with', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { body: fleet.server.token({ token_type: 'DPoP' }) }
    const [bindingKey, ownKey] = [newKey(), newKey()]
    const credential = { clientSecret: undefined, clientAuthentication: privateKeyJwt({ key: ownKey }) }
    await fleet.tokensOf([fleet.join({ ...credential, dpop: { key: bindingKey } }, { plaintext: true })])
    const dump = fleet.store.dump()
    const records = [...dump.matchAll(/1\.token\.plaintext\.\d+\.([\w+/=]+)/g)].map(([, text = '']) =>
      Buffer.from(text, 'base64').toString(),
    )
    expect(records.join()).toContain('token-1')
    for (const key of [bindingKey, ownKey]) {
      const { d = '' } = key.export({ format: 'jwk' })
      const bytes = Buffer.from(d, 'base64url')
      for (const text of [d, bytes.toString('base64'), bytes.toString('hex')]) {
        expect(`${dump} ${records.join()}`).not.toContain(text.slice(0, 20))
      }
    }
  })
})
