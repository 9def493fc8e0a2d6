import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TlsOptions } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { connectionProblem } from '../src/cli/connection-problem.ts'
import { TestAuthority } from '../src/testing/index.ts'
import { transportFailure } from '../src/transport-failure.ts'

const authority = new TestAuthority()
const request = { client: 'orders', url: 'https://auth.example.com/token' }
const coded = (code: string) => Object.assign(new Error('broken'), { code })

/** What the library and the command say of it. */
function said(error: Error): readonly [library: string | undefined, command: string] {
  const { about, text, hint } = connectionProblem(error, 'auth.example.com:443')
  return [transportFailure(error, request).hint, `${about}: ${text} ${hint}`]
}

/** Why no connection comes about with a server that wants this. */
async function brokenHandshake(wants: TlsOptions): Promise<Error> {
  const server = createServer({ ...authority.issue(), ...wants })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const socket = connect({ host: '127.0.0.1', port, ca: authority.cert })
    const [error] = await once(socket, 'error')
    return error
  } finally {
    server.close()
  }
}

describe('a connection that fails', () => {
  it.each<[code: string, library: RegExp, command: RegExp]>([
    [
      'ECONNREFUSED',
      /^Nothing listens there/,
      /^Connection: Nothing listens at auth\.example\.com:443 \(ECONNREFUSED\)/,
    ],
    ['ENOTFOUND', /could not be resolved/, /^Connection: The host of .* is not known/],
    ['EAI_AGAIN', /could not be resolved/, /^Connection: The host of .* is not known/],
    ['ENETUNREACH', /no route/, /^Connection: There is no way to/],
    ['ECONNRESET', /closed/, /^Connection: .* closed the connection/],
    ['EPIPE', /closed/, /^Connection: .* closed the connection/],
    ['ETIMEDOUT', /firewall/, /^Connection: .* does not answer/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /as `ca`/, /^TLS: .* is self-signed .*--ca-file/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /as `ca`/, /^TLS: .* private authority .*--ca-file/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /as `ca`/, /^TLS: .* the server leaves out .*--ca-file/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /as `ca`/, /^TLS: .* the server leaves out .*--ca-file/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /another host name/, /^TLS: .* another host name/],
    ['CERT_HAS_EXPIRED', /has expired/, /^TLS: .* has expired/],
    ['CERT_NOT_YET_VALID', /not valid yet/, /^TLS: .* not valid yet/],
    ['EPROTO', /does not speak TLS/, /^TLS: .* does not speak TLS/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS/, /^TLS: .* does not speak TLS/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /client certificate/, /^TLS: .* --certificate-file/],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', /client certificate/, /^TLS: .* --certificate-file/],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', /versions of TLS/, /^TLS: .* other versions of TLS/],
    ['HPE_INVALID_CONSTANT', /does not speak HTTP/, /^Connection: .* does not speak HTTP/],
  ])('is explained by the library and by the command, each in its words: %s', (code, library, command) => {
    const [byLibrary, byCommand] = said(coded(code))
    expect(byLibrary).toMatch(library)
    expect(byCommand).toMatch(command)
    expect(byCommand).toContain(code)
  })

  it.each<[title: string, wants: TlsOptions, library: RegExp, command: RegExp]>([
    [
      'that wants what the client has not',
      { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' },
      /does it want a client certificate/,
      /^TLS: .* broke off the TLS handshake \(ERR_SSL_\S+\)\. Does it want a client certificate/,
    ],
    [
      'that speaks old versions of TLS only',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      /versions of TLS/,
      /^TLS: .* other versions of TLS .*\(ERR_SSL_\S+\)/,
    ],
  ])('is told with the code that OpenSSL gives: a server %s', async (_, wants, library, command) => {
    const error = await brokenHandshake(wants)
    const [byLibrary, byCommand] = said(error)
    expect(transportFailure(error, request)).toMatchObject({ code: 'tls', retryable: false })
    expect(byLibrary).toMatch(library)
    expect(byCommand).toMatch(command)
  })

  it.each([
    ['ERR_SSL_NO_RENEGOTIATION', 'TLS'],
    ['ESOMETHINGNEW', 'Connection'],
  ])('is told by its code, where nobody knows what it means: %s', (code, about) => {
    const [byLibrary, byCommand] = said(coded(code))
    expect(byLibrary).toBeUndefined()
    expect(byCommand).toMatch(new RegExp(`^${about}: auth\\.example\\.com:443 cannot be reached \\(${code}\\)\\. `))
  })
})
