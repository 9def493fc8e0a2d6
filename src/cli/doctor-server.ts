import type { ReadCertificate } from '../client-certificate.ts'
import type { ClientOptions } from '../client-options.ts'
import { systemClock } from '../clock.ts'
import { Discovery } from '../discovery.ts'
import { TokenError } from '../errors.ts'
import { createTransport, type Send } from '../transport.ts'
import type { Finding } from './doctor-command.ts'

/** What the authorization server says of itself. */
export interface ServerFindings {
  readonly findings: readonly Finding[]
  readonly tokenEndpoint: string | undefined
  /** The client authentication methods that it offers, if it says. */
  readonly methods: readonly string[] | undefined
}

// Assertions live for a minute, and servers bear half of one.
const CLOCK_TOLERANCE_MS = 30_000
const CLIENT = 'doctor'

/** Reads the metadata, if the issuer is configured, and compares the clocks. */
export async function checkServer(
  endpoint: string,
  options: ClientOptions,
  certificate: ReadCertificate | undefined,
): Promise<ServerFindings> {
  let date: string | undefined
  const plain = createTransport({ client: CLIENT, proxy: options.proxy, ca: options.ca })
  const send: Send = async (request) => {
    const response = await plain({ ...request, certificate })
    date = response.header('date') ?? date
    return response
  }
  const metadata = options.issuer === undefined ? undefined : await readMetadata(send, options)
  // Any answer will do, and none is a token request.
  if (metadata === undefined) await askAnything(send, endpoint)
  const findings = [...(metadata?.findings ?? []), ...clockFindings(date)]
  return { findings, tokenEndpoint: metadata?.tokenEndpoint, methods: metadata?.methods }
}

async function readMetadata(send: Send, options: ClientOptions): Promise<ServerFindings> {
  const { issuer = '', expectedIssuer, endpointOrigins = [], allowInsecureLoopback = false } = options
  const expectations = { client: CLIENT, issuer, expectedIssuer, endpointOrigins, allowInsecureLoopback }
  const discovery = new Discovery({ ...expectations, send, clock: systemClock, timeoutMs: 10_000 })
  try {
    const { tokenEndpoint, tokenEndpointAuthMethods: methods } = await discovery.load(new AbortController().signal)
    const findings: Finding[] = [{ mark: 'ok', about: 'Metadata', text: `Token endpoint ${tokenEndpoint}.` }]
    if (methods !== undefined) findings.push(methodsFinding(methods, options))
    return { findings, tokenEndpoint, methods }
  } catch (error) {
    const { message = String(error), hint } = error instanceof TokenError ? error : {}
    const text = hint === undefined ? message : message.slice(0, -hint.length - 1)
    return {
      findings: [{ mark: 'wrong', about: 'Metadata', text, hint }],
      tokenEndpoint: undefined,
      methods: undefined,
    }
  }
}

function methodsFinding(offered: readonly string[], { clientAuthentication: given }: ClientOptions): Finding {
  const about = 'Client authentication'
  const chosen = typeof given === 'function' ? given.method : given
  const list = offered.length === 0 ? 'none' : offered.join(', ')
  if (chosen === undefined || offered.includes(chosen)) return { mark: 'ok', about, text: `The server offers ${list}.` }
  return {
    mark: 'wrong',
    about,
    text: `The server does not offer ${chosen}, but ${list}.`,
    hint: 'Choose one by --client-authentication, or leave that out.',
  }
}

function clockFindings(date: string | undefined): Finding[] {
  const server = Date.parse(date ?? '')
  if (Number.isNaN(server)) return [{ mark: 'note', about: 'Clock', text: 'The server does not tell its time.' }]
  const awayMs = Date.now() - server
  const seconds = Math.round(Math.abs(awayMs) / 1000)
  if (Math.abs(awayMs) <= CLOCK_TOLERANCE_MS) return [{ mark: 'ok', about: 'Clock', text: "As the server's." }]
  return [
    {
      mark: 'wrong',
      about: 'Clock',
      text: `The clock of this machine is ${seconds} s ${awayMs > 0 ? 'ahead of' : 'behind'} the server's.`,
      hint: 'Set it by NTP: assertions and proofs that are signed with it are refused.',
    },
  ]
}

async function askAnything(send: Send, endpoint: string): Promise<void> {
  const { origin } = new URL(endpoint)
  const signal = AbortSignal.timeout(10_000)
  try {
    await send({ method: 'GET', url: `${origin}/`, headers: { accept: '*/*' }, signal })
  } catch {
    // The token request meets the same, and says it better.
  }
}
