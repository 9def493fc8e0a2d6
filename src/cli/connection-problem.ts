import { ProxyError } from '../proxy.ts'
import { codeOf } from './private-files.ts'

/** Why there is no connection, or no answer over it. */
export interface ConnectionProblem {
  readonly about: 'Connection' | 'TLS'
  readonly text: string
  readonly hint: string
}

const UNTRUSTED = "The certificate is of an authority that isn't trusted, or the server leaves out the one between"
const BY_CA_FILE = 'Name a private authority by --ca-file.'

const CERTIFICATE_PROBLEMS: Readonly<Record<string, readonly [text: string, hint: string]>> = {
  CERT_HAS_EXPIRED: [
    'The certificate has expired',
    'Its operator has to renew it; or the clock of this machine is wrong.',
  ],
  CERT_NOT_YET_VALID: ['The certificate is not valid yet', 'The clock of this machine is probably wrong.'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['The certificate is for another host name', 'Use the name that it is issued to.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['The certificate is self-signed', 'Trust it by --ca-file.'],
  SELF_SIGNED_CERT_IN_CHAIN: ["The certificate is of a private authority that isn't trusted", 'Name it by --ca-file.'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [UNTRUSTED, BY_CA_FILE],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [UNTRUSTED, BY_CA_FILE],
}

/** What the error of a connection to this server means. */
export function connectionProblem(error: unknown, server: string): ConnectionProblem {
  if (error instanceof ProxyError) {
    return { about: 'Connection', text: `${server} cannot be reached: ${error.message}.`, hint: error.hint }
  }
  const code = codeOf(error) ?? 'unknown error'
  const [problem, hint] = CERTIFICATE_PROBLEMS[code] ?? []
  if (problem !== undefined && hint !== undefined) {
    return { about: 'TLS', text: `${problem} (${server}, ${code}).`, hint }
  }
  if (/^ERR_SSL_\w*ALERT/.test(code)) {
    const wants = 'Does it want a client certificate, or another one? See --certificate-file and --certificate-for-api.'
    return { about: 'TLS', text: `${server} broke off the TLS handshake (${code}).`, hint: wants }
  }
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
    const text = `${server} does not speak TLS (${code}).`
    return { about: 'TLS', text, hint: 'Is it the right port, and not one for plain http?' }
  }
  if (/^(?:ENOTFOUND|EAI_)/.test(code)) {
    const known = 'Is the name spelt right, and known in this network?'
    return { about: 'Connection', text: `The host of ${server} is not known (${code}).`, hint: known }
  }
  const isUp = 'Is the server up, the port right, and the way not blocked?'
  return { about: 'Connection', text: plainProblem(code, server), hint: isUp }
}

function plainProblem(code: string, server: string): string {
  if (code === 'ECONNREFUSED') return `Nothing listens at ${server}.`
  if (/^(?:ECONNRESET|EPIPE)$/.test(code)) return `${server} closed the connection (${code}).`
  if (code.startsWith('HPE_')) return `What answers at ${server} does not speak HTTP (${code}).`
  return `${server} cannot be reached: ${code}.`
}
