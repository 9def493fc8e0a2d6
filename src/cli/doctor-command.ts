import type { AccessToken } from '../access-token.ts'
import type { ClientOptions } from '../client-options.ts'
import { shownUrl } from '../endpoint-url.ts'
import { TokenError, TokenResponseError } from '../errors.ts'
import { TokenManager } from '../token-manager.ts'
import { clientOptions } from './client.ts'
import { CommandError, EXIT } from './command-error.ts'
import { type Configuration, type ConfigurationFlags, readConfiguration } from './configuration.ts'
import { checkConnection } from './doctor-connection.ts'
import { checkServer, type ServerFindings } from './doctor-server.ts'
import { inspectToken } from './inspect-command.ts'
import { inFlags } from './settings.ts'
import { bold, type Mark, printable, sign, withProgress } from './terminal.ts'

/** One thing that was looked at. */
export interface Finding {
  readonly mark: Mark
  /** What was looked at, such as `TLS`. */
  readonly about: string
  readonly text: string
  readonly hint?: string | undefined
}

/** What `evertoken doctor` found out. */
export interface Report {
  readonly works: boolean
  /** The likely cause, or that there is nothing to complain of. */
  readonly summary: string
  readonly findings: readonly Finding[]
  /** What should be set. */
  readonly settings: Readonly<Record<string, string>>
}

/**
 * Looks at a set-up from the outside in: configuration, connection, metadata, clock, methods, and then one token request,
 * or one for each method that is to be tried. What fails ends it, except that the clock is always told.
 */
export async function diagnose(
  flags: ConfigurationFlags,
  methods: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Report> {
  const findings: Finding[] = []
  const settings: Record<string, string> = {}
  try {
    const configuration = await readConfiguration(flags, environment)
    const options = await clientOptions(configuration)
    // Refuses what cannot be right.
    new TokenManager(options)
    findings.push({ mark: 'ok', about: 'Configuration', text: `From ${configuration.source}.` })
    await examine(configuration, options, methods, findings, settings)
  } catch (error) {
    // Whoever leaves has no question.
    if (error instanceof CommandError && error.exitCode === EXIT.interrupted) throw error
    findings.push(findingOf(error))
  }
  const told = findings.map(inWordsOfCommand)
  return { works: !told.some(isWrong), summary: summaryOf(told), findings: told, settings }
}

async function examine(
  configuration: Configuration,
  options: ClientOptions,
  methods: readonly string[],
  findings: Finding[],
  settings: Record<string, string>,
): Promise<void> {
  const endpoint = options.issuer ?? String(options.tokenEndpoint)
  // Some servers speak to nobody who shows none.
  const certificate = await options.certificate?.read({ client: 'doctor' })
  const connection = await withProgress(
    `Connecting to ${new URL(endpoint).host}`,
    checkConnection(endpoint, options, certificate),
  )
  findings.push(...connection)
  if (connection.some(isWrong)) return
  const server = await withProgress(`Asking ${new URL(endpoint).host}`, checkServer(endpoint, options, certificate))
  findings.push(...server.findings)
  if (server.findings.some(({ mark, about }) => mark === 'wrong' && about === 'Metadata')) return
  if (server.tokenEndpoint !== undefined) settings.tokenEndpoint = server.tokenEndpoint
  const tried = methods.length > 0 ? methods : [undefined]
  for (const method of tried) {
    const token = await requested(() => clientBy(method, configuration, options), method, findings)
    if (token === undefined) continue
    const { clientAuthentication: given } = options
    const name = method ?? (typeof given === 'function' ? given.method : given) ?? chosenBy(server)
    if (name !== undefined) settings.clientAuthentication = name
    describeGrant(token, options, findings)
    settings.scope = token.scope.join(' ')
  }
}

async function clientBy(
  method: string | undefined,
  { settings, secret, source }: Configuration,
  options: ClientOptions,
): Promise<ClientOptions> {
  if (method === undefined) return options
  const { clientSecret: text } = options
  // Asked for already.
  const known = typeof text === 'string' ? ({ kind: 'text', text } as const) : secret
  return await clientOptions({ settings: { ...settings, clientAuthentication: method }, secret: known, source })
}

async function requested(
  client: () => Promise<ClientOptions>,
  method: string | undefined,
  findings: Finding[],
): Promise<AccessToken | undefined> {
  const about = method === undefined ? 'Token request' : `Token request by ${method}`
  try {
    // Made once more with nothing kept: one request, and no retry.
    const manager = new TokenManager({ ...(await client()), maxAttempts: 1 })
    const token = await withProgress('Requesting a token', manager.getToken())
    await manager.close()
    findings.push({ mark: 'ok', about, text: `A ${token.tokenType} token, ${duration(token.lifetimeMs)}.` })
    return token
  } catch (error) {
    findings.push({ ...findingOf(error), about })
    return undefined
  }
}

function describeGrant(token: AccessToken, options: ClientOptions, findings: Finding[]): void {
  const wanted = [options.scope ?? []].flat()
  const missing = wanted.filter((scope) => !token.scope.includes(scope))
  const scopes = token.scope.length === 0 ? 'The server does not say which.' : token.scope.join(' ')
  findings.push(
    missing.length === 0
      ? { mark: 'ok', about: 'Scopes', text: scopes }
      : { mark: 'wrong', about: 'Scopes', text: `Not granted: ${missing.join(' ')}.`, hint: 'Allow the client these.' },
  )
  if (token.lifetimeMs < 60_000) {
    const text = `Tokens live for ${duration(token.lifetimeMs)} only.`
    findings.push({ mark: 'note', about: 'Lifetime', text, hint: 'Each costs a request: five minutes are usual.' })
  }
  const claims = inspectToken(token.reveal())?.claims
  if (claims?.aud !== undefined) {
    findings.push({
      mark: 'note',
      about: 'Audience',
      text: `The token says it is for ${[claims.aud].flat().join(', ')}.`,
    })
  }
}

function chosenBy({ methods }: ServerFindings): string | undefined {
  return methods === undefined || methods.includes('client_secret_basic') ? 'client_secret_basic' : methods[0]
}

function findingOf(error: unknown): Finding {
  if (error instanceof TokenResponseError || error instanceof TokenError) {
    const { hint, message } = error
    const text = hint === undefined ? message : message.slice(0, -hint.length - 1)
    return { mark: 'wrong', about: 'Token request', text, hint }
  }
  if (error instanceof CommandError) {
    return { mark: 'wrong', about: 'Configuration', text: error.message, hint: error.hint }
  }
  const text = error instanceof Error ? error.message.replace(/^evertoken: /, '') : String(error)
  return { mark: 'wrong', about: 'Configuration', text }
}

function inWordsOfCommand(finding: Finding): Finding {
  return { ...finding, text: inFlags(finding.text), hint: finding.hint && inFlags(finding.hint) }
}

function isWrong({ mark }: Finding): boolean {
  return mark === 'wrong'
}

function summaryOf(findings: readonly Finding[]): string {
  const wrong = findings.find(isWrong)
  if (wrong === undefined) return 'It works: a token was issued.'
  return [wrong.text, wrong.hint].filter(Boolean).join(' ')
}

/** A report to read: the cause first. */
export function describeReport({ works, summary, findings, settings }: Report): string {
  const { stdout } = process
  const lines = [`${sign(works ? 'ok' : 'wrong', stdout)} ${bold(printable(summary), stdout)}`, '']
  for (const { mark, about, text, hint } of findings) {
    const told = mark === 'note' && hint !== undefined ? `${text} ${hint}` : text
    lines.push(`${sign(mark, stdout)} ${about}: ${printable(told)}`)
  }
  const named = Object.entries(settings).filter(([, value]) => value !== '')
  if (named.length > 0)
    lines.push('', 'Settings:', ...named.map(([name, value]) => `  ${name}: '${printable(shownSetting(value))}'`))
  return `${lines.join('\n')}\n`
}

function shownSetting(value: string): string {
  return URL.canParse(value) ? shownUrl(value) : value
}

function duration(ms: number): string {
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.round(ms / 1000)} seconds`
}
