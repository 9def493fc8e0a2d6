import { type ConnectionTrouble, isOfTls, troubleOf } from '../connection-trouble.ts'
import { ProxyError } from '../proxy.ts'
import { codeOf } from './private-files.ts'

/** Why there is no connection, or no answer over it. */
export interface ConnectionProblem {
  readonly about: 'Connection' | 'TLS'
  readonly text: string
  readonly hint: string
}

const IS_UP = 'Is the server up, the port right, and the way not blocked?'
const BY_CA_FILE = 'Name a private authority by --ca-file.'

// `{}` is the server.
const PROBLEMS: Readonly<Record<ConnectionTrouble, readonly [text: string, hint: string]>> = {
  refused: ['Nothing listens at {}', IS_UP],
  'unknown host': ['The host of {} is not known', 'Is the name spelt right, and known in this network?'],
  'no route': ['There is no way to {}', 'Is this machine in the right network, by VPN perhaps?'],
  closed: ['{} closed the connection', IS_UP],
  timeout: ['{} does not answer', IS_UP],
  'self-signed': ['The certificate of {} is self-signed', 'Trust it by --ca-file.'],
  'private authority': ["The certificate of {} is of a private authority that isn't trusted", BY_CA_FILE],
  'unknown authority': [
    "The certificate of {} is of an authority that isn't trusted, or the server leaves out the one between",
    BY_CA_FILE,
  ],
  'another name': ['The certificate of {} is for another host name', 'Use the name that it is issued to.'],
  expired: [
    'The certificate of {} has expired',
    'Its operator has to renew it; or the clock of this machine is wrong.',
  ],
  'not valid yet': ['The certificate of {} is not valid yet', 'The clock of this machine is probably wrong.'],
  'old TLS': ['{} speaks other versions of TLS than 1.2 and 1.3', 'Its operator has to bring it up to date.'],
  'handshake refused': [
    '{} broke off the TLS handshake',
    'Does it want a client certificate, or another one? See --certificate-file and --certificate-for-api.',
  ],
  'no TLS': ['{} does not speak TLS', 'Is it the right port, and not one for plain http?'],
  'no HTTP': ['What answers at {} does not speak HTTP', 'Is it the right port?'],
}

/** What the error of a connection to this server means. */
export function connectionProblem(error: unknown, server: string): ConnectionProblem {
  if (error instanceof ProxyError) {
    return { about: 'Connection', text: `${server} cannot be reached: ${error.message}.`, hint: error.hint }
  }
  const code = codeOf(error) ?? 'unknown error'
  const trouble = troubleOf(code)
  const [text, hint] = trouble === undefined ? ['{} cannot be reached', IS_UP] : PROBLEMS[trouble]
  return { about: isOfTls(code) ? 'TLS' : 'Connection', text: `${text.replace('{}', () => server)} (${code}).`, hint }
}
