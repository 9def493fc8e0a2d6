import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { secretFromFile } from '../client-authentication/mounted-file.ts'
import { privateKeyJwt } from '../client-authentication/private-key-jwt.ts'
import { tlsClientAuth } from '../client-authentication/tls-client-auth.ts'
import { clientCertificateFromFiles } from '../client-certificate.ts'
import type { ClientOptions } from '../client-options.ts'
import type { TokenLogger } from '../logger.ts'
import type { SigningKeyInput } from '../private-key.ts'
import { TokenManager } from '../token-manager.ts'
import { CommandError } from './command-error.ts'
import type { Configuration } from './configuration.ts'
import { FileTokenStore } from './file-token-store.ts'
import { codeOf } from './private-files.ts'
import type { Settings } from './settings.ts'
import { askSecret, sign } from './terminal.ts'

/** How a manager is made of a configuration. */
export interface ManagerOptions {
  /** Whether tokens are kept between calls of the command. */
  readonly cache: boolean
  readonly logger?: TokenLogger | undefined
}

/** Where tokens are kept between calls. */
function cacheFolder(environment: NodeJS.ProcessEnv): string {
  const { EVERTOKEN_CACHE_DIR: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: windows } = environment
  if (own) return own
  const base = process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache')
  return join(xdg || windows || base, 'evertoken')
}

/** A manager for the client that is configured. @throws CommandError or TypeError for what cannot be right */
export async function openManager(
  configuration: Configuration,
  { cache, logger }: ManagerOptions,
): Promise<TokenManager> {
  const options = await clientOptions(configuration)
  if (!cache) return new TokenManager({ ...options, logger })
  const store = await openCache(cacheFolder(process.env))
  return new TokenManager({ ...options, logger, store })
}

// Where nothing can be written, a token can still be had.
async function openCache(folder: string): Promise<FileTokenStore | undefined> {
  try {
    const store = await FileTokenStore.open(folder)
    await store.prune()
    return store
  } catch (error) {
    const code = codeOf(error)
    if (error instanceof CommandError || code === undefined) throw error
    const said = `Tokens are not kept: ${folder} cannot be used (${code}). EVERTOKEN_CACHE_DIR names another folder.`
    process.stderr.write(`${sign('note', process.stderr)} ${said}\n`)
    return undefined
  }
}

/** A client's options as the library takes them. */
export async function clientOptions({ settings, secret }: Configuration): Promise<ClientOptions> {
  const { issuer, tokenEndpoint, clientId, audience, resource, basicEncoding, allowInsecureLoopback } = settings
  const { caFile, certificateFile, certificateKeyFile } = settings
  const hasCertificate = certificateFile !== undefined || certificateKeyFile !== undefined
  const options: Record<keyof ClientOptions & string, unknown> | object = {
    ...defined({ issuer, tokenEndpoint, clientId, basicEncoding, allowInsecureLoopback }),
    ...defined({
      scope: listOf(settings.scope),
      audience,
      resource,
      endpointOrigins: listOf(settings.endpointOrigins),
    }),
    ...(caFile !== undefined && { ca: await textOf(String(caFile), 'caFile') }),
    ...(hasCertificate && { certificate: certificateOf(settings) }),
  }
  // Refuses what cannot be right before anybody is asked for a secret.
  if (secret.kind === 'prompt') new TokenManager({ ...options, clientSecret: 'asked for later' } as ClientOptions)
  return { ...options, ...(await authenticationOf(settings, secret)) } as ClientOptions
}

async function authenticationOf(
  settings: Settings,
  secret: Configuration['secret'],
): Promise<Pick<ClientOptions, 'clientAuthentication' | 'clientSecret'>> {
  const { clientAuthentication, privateKeyFile, clientId, issuer, tokenEndpoint } = settings
  const method = clientAuthentication ?? (privateKeyFile === undefined ? undefined : 'private_key_jwt')
  if (method === 'private_key_jwt') return { clientAuthentication: privateKeyJwt(await signingOf(settings)) }
  if (method === 'tls_client_auth') return { clientAuthentication: tlsClientAuth() }
  const byName = method === undefined ? {} : { clientAuthentication: method as ClientOptions['clientAuthentication'] }
  if (secret.kind === 'file') return { ...byName, clientSecret: secretFromFile(secret.path) }
  if (secret.kind === 'text') return { ...byName, clientSecret: secret.text }
  return { ...byName, clientSecret: await askSecret(`Secret of client ${clientId} at ${issuer ?? tokenEndpoint}: `) }
}

async function signingOf({ privateKeyFile, algorithm, keyId }: Settings): Promise<Parameters<typeof privateKeyJwt>[0]> {
  if (typeof privateKeyFile !== 'string') {
    throw new CommandError('private_key_jwt needs a key.', 'Give --private-key-file.')
  }
  const text = await textOf(privateKeyFile, 'privateKeyFile')
  return { key: keyOf(text, privateKeyFile), ...defined({ algorithm, keyId }) } as Parameters<typeof privateKeyJwt>[0]
}

function keyOf(text: string, path: string): SigningKeyInput {
  if (!text.trimStart().startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch {
    throw new CommandError(`${path} is neither a PEM file nor a JWK.`)
  }
}

function certificateOf({ certificateFile, certificateKeyFile }: Settings): ClientOptions['certificate'] {
  if (typeof certificateFile !== 'string' || typeof certificateKeyFile !== 'string') {
    throw new CommandError(
      'A client certificate needs its key, and a key its certificate.',
      'Give both --certificate-file and --certificate-key-file.',
    )
  }
  return clientCertificateFromFiles({ cert: certificateFile, key: certificateKeyFile })
}

async function textOf(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CommandError(`The ${setting} ${path} cannot be read: ${codeOf(error) ?? 'unknown error'}.`)
  }
}

function listOf(value: Settings['scope']): readonly string[] | undefined {
  if (value === undefined || typeof value === 'boolean') return undefined
  return [value].flat().flatMap((text) => text.split(' ').filter((part) => part !== ''))
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}
