import { connect as connectPlain } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { ReadCertificate } from '../client-certificate.ts'
import type { ClientOptions } from '../client-options.ts'
import { proxyChooser } from '../proxy.ts'
import { connectionProblem } from './connection-problem.ts'
import type { Finding } from './doctor-command.ts'

const TIMEOUT_MS = 10_000
const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const SOON_DAYS = 14

/** Whether the server's name is known, its port is open, and its certificate is trusted; through a proxy none of these. */
export async function checkConnection(
  endpoint: string,
  { ca, proxy }: ClientOptions,
  certificate: ReadCertificate | undefined,
): Promise<Finding[]> {
  const url = new URL(endpoint)
  const through = proxyChooser(proxy)(endpoint)
  if (through !== undefined) {
    return [{ mark: 'note', about: 'Connection', text: 'Goes through a proxy, from HTTPS_PROXY or ALL_PROXY.' }]
  }
  const authorities =
    certificate === undefined
      ? { ...(ca !== undefined && { ca }) }
      : { secureContext: certificate.secureContext({ ca }) }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  try {
    if (url.protocol === 'http:') await connected(connectPlain(port, host), 'connect')
    else return [tlsFinding(await certificateOf(host, port, authorities))]
  } catch (error) {
    return [{ mark: 'wrong', ...connectionProblem(error, `${host}:${port}`) }]
  }
  return [{ mark: 'ok', about: 'Connection', text: `${host}:${port} answers, without TLS.` }]
}

interface ShownCertificate {
  readonly certificate: PeerCertificate
  readonly isTrusted: boolean
}

async function certificateOf(host: string, port: number, authorities: ConnectionOptions): Promise<ShownCertificate> {
  const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host }
  const socket = connectTls({ host, port, ...servername, ...authorities })
  await connected(socket, 'secureConnect')
  try {
    return { certificate: socket.getPeerCertificate(), isTrusted: socket.authorized }
  } finally {
    socket.destroy()
  }
}

async function connected(socket: ReturnType<typeof connectPlain> | TLSSocket, event: string): Promise<void> {
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
  await new Promise<void>((resolve, reject) => {
    socket.once(event, () => resolve())
    socket.once('error', reject)
  })
  if (event === 'connect') socket.destroy()
}

function tlsFinding({ certificate: { valid_to: validTo }, isTrusted }: ShownCertificate): Finding {
  if (!isTrusted) {
    const text = 'The certificate is not trusted, but NODE_TLS_REJECT_UNAUTHORIZED=0 says to go on all the same.'
    const hint = 'Unset it, and trust the authority by --ca-file: anybody in between can read secret and tokens.'
    return { mark: 'wrong', about: 'TLS', text, hint }
  }
  const leftMs = Date.parse(validTo) - Date.now()
  const days = Math.floor(leftMs / DAY_MS)
  const left = days < 2 ? `${Math.floor(leftMs / HOUR_MS)} hours` : `${days} days`
  const text = `The certificate is trusted, and valid for ${left}.`
  return { mark: days < SOON_DAYS ? 'note' : 'ok', about: 'TLS', text }
}
