import { describe, expect, it } from 'vitest'
import { inFlags } from '../../src/cli/settings.ts'

describe('what the library says', () => {
  it.each([
    ['option `clientId` must be a string', 'option --client-id must be a string'],
    ['For tests set `allowInsecureLoopback: true`.', 'For tests set --allow-insecure-loopback.'],
    ["It may want `basicEncoding: 'raw'`.", 'It may want --basic-encoding raw.'],
    ['Check `issuer`, or give `tokenEndpoint`.', 'Check --issuer, or give --token-endpoint.'],
    ['give the certificate of that authority as `ca`', 'give the certificate of that authority as --ca-file'],
    ['does it want a client certificate (`certificate`)?', 'does it want a client certificate (--certificate-file)?'],
    ['option `key` is a public key', 'option --private-key-file is a public key'],
    ['option `dpop.key` is a public key', 'option --dpop-key-file is a public key'],
  ])('is told with flags in place of options: %s', (said, told) => {
    expect(inFlags(said)).toBe(told)
  })

  it.each([
    'its `key` is not the key of `cert`',
    'See `timeoutMs` and `attemptTimeoutMs`.',
    'option `profiles.orders.scop` is not an option. Did you mean `scope`?',
    'write `Buffer.from(key)`',
  ])('stays as it is where there is no flag: %s', (said) => {
    expect(inFlags(said)).toBe(said)
  })
})
