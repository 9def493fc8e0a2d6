import { readFile } from 'node:fs/promises'
import tls from 'node:tls'
import { readMountedFile } from '../client-authentication/mounted-file.ts'
import { privateKeyJwt } from '../client-authentication/private-key-jwt.ts'
import { selfSignedTlsClientAuth, tlsClientAuth } from '../client-authentication/tls-client-auth.ts'
import { clientCertificateFromFiles } from '../client-certificate.ts'
import type { ClientOptions } from '../client-options.ts'
import type { TokenLogger } from '../logger.ts'
import type { SigningKeyInput } from '../private-key.ts'
import { authoritiesProblem } from '../tls-options.ts'
import { TokenManager } from '../token-manager.ts'
import { CommandError } from './command-error.ts'
import type { Configuration } from './configuration.ts'
import { FileTokenStore } from './file-token-store.ts'
import { cacheFolder } from './folders.ts'
import { codeOf } from './private-files.ts'
import type { Settings } from './settings.ts'
import { askSecret, note } from './terminal.ts'

/** How a manager is made of a configuration. */
export interface ManagerOptions {
  /** Whether tokens are kept between calls of the command. */
  readonly cache: boolean
  readonly logger?: TokenLogger | undefined
}

/** A manager for this client. @throws CommandError or TypeError for what cannot be right */
export async function openManager(client: ClientOptions, { cache, logger }: ManagerOptions): Promise<TokenManager> {
  const folder = cache ? cacheFolder(process.env) : undefined
  const manager = new TokenManager({ ...client, logger, ...(cache && { store: await openCache(folder) }) })
  const off = manager.on('storeFailed', ({ reason }) => {
    // A slow one keeps them all the same.
    if (reason === 'timeout') return
    off()
    notKept(`${folder} cannot be used (${reason})`)
  })
  return manager
}

// Where nothing can be written, a token can still be had.
async function openCache(folder: string | undefined): Promise<FileTokenStore | undefined> {
  if (folder === undefined) return notKept('there is no home folder')
  try {
    const store = await FileTokenStore.open(folder)
    await store.prune()
    return store
  } catch (error) {
    const code = codeOf(error)
    if (error instanceof CommandError || code === undefined) throw error
    return notKept(`${folder} cannot be used (${code})`)
  }
}

function notKept(why: string): undefined {
  note(`Tokens are not kept: ${why}. EVERTOKEN_CACHE_DIR names another folder.`)
}

/** A client's options as the library takes them. */
export async function clientOptions({ settings, secret }: Configuration): Promise<ClientOptions> {
  const { issuer, tokenEndpoint, clientId, audience, resource, basicEncoding, allowInsecureLoopback } = settings
  const { caFile, certificateFile, certificateKeyFile, dpopKeyFile } = settings
  const hasCertificate = certificateFile !== undefined || certificateKeyFile !== undefined
  const options: Record<keyof ClientOptions & string, unknown> | object = {
    ...defined({ issuer, tokenEndpoint, clientId, basicEncoding, allowInsecureLoopback }),
    ...defined({
      scope: listOf(settings.scope),
      audience,
      resource,
      endpointOrigins: listOf(settings.endpointOrigins),
    }),
    ...(caFile !== undefined && { ca: await authoritiesWith(String(caFile)) }),
    ...(dpopKeyFile !== undefined && { dpop: { key: await keyIn(String(dpopKeyFile), 'dpopKeyFile') } }),
    ...(hasCertificate && { certificate: await certificateOf(settings) }),
  }
  // Refuses what cannot be right before anybody is asked for a secret.
  if (secret.kind === 'prompt') new TokenManager({ ...options, clientSecret: 'asked for later' } as ClientOptions)
  return { ...options, ...(await authenticationOf(settings, secret)) } as ClientOptions
}

// By what takes no secret.
const WITHOUT_SECRET = {
  private_key_jwt: async (settings: Settings) => privateKeyJwt(await signingOf(settings)),
  tls_client_auth: tlsClientAuth,
  self_signed_tls_client_auth: selfSignedTlsClientAuth,
}
const WITH_SECRET = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt']

async function authenticationOf(
  settings: Settings,
  secret: Configuration['secret'],
): Promise<Pick<ClientOptions, 'clientAuthentication' | 'clientSecret'>> {
  const { clientAuthentication, privateKeyFile, clientId, issuer, tokenEndpoint } = settings
  const method = clientAuthentication ?? (privateKeyFile === undefined ? undefined : 'private_key_jwt')
  if (method !== 'private_key_jwt' && isWithoutSecret(method) && settings.certificateFile === undefined) {
    throw new CommandError(`${method} needs a certificate.`, 'Give --certificate-file and --certificate-key-file.')
  }
  if (isWithoutSecret(method)) return { clientAuthentication: await WITHOUT_SECRET[method](settings) }
  if (method !== undefined && !WITH_SECRET.includes(String(method))) {
    const known = [...WITH_SECRET, ...Object.keys(WITHOUT_SECRET)].join(', ')
    throw new CommandError(`${method} is no method of client authentication.`, `There are ${known}.`)
  }
  const byName = method === undefined ? {} : { clientAuthentication: method as ClientOptions['clientAuthentication'] }
  if (secret.kind === 'file') return { ...byName, clientSecret: await secretIn(secret.path) }
  if (secret.kind === 'text') return { ...byName, clientSecret: secret.text }
  return { ...byName, clientSecret: await askSecret(`Secret of client ${clientId} at ${issuer ?? tokenEndpoint}: `) }
}

function isWithoutSecret(method: unknown): method is keyof typeof WITHOUT_SECRET {
  return typeof method === 'string' && Object.hasOwn(WITHOUT_SECRET, method)
}

async function secretIn(path: string): Promise<string> {
  try {
    return await readMountedFile(path)
  } catch (error) {
    throw new CommandError(`The secret cannot be read: ${(error as Error).message}.`)
  }
}

async function signingOf({ privateKeyFile, algorithm, keyId }: Settings): Promise<Parameters<typeof privateKeyJwt>[0]> {
  if (typeof privateKeyFile !== 'string') {
    throw new CommandError('private_key_jwt needs a key.', 'Give --private-key-file.')
  }
  const key = await keyIn(privateKeyFile, 'privateKeyFile')
  return { key, ...defined({ algorithm, keyId }) } as Parameters<typeof privateKeyJwt>[0]
}

async function keyIn(path: string, setting: string): Promise<SigningKeyInput> {
  const text = await textOf(path, setting)
  if (text.includes('-----BEGIN ')) return text
  const jwk = jwkIn(text)
  if (jwk === undefined) throw new CommandError(`${path} is neither a PEM file nor a JWK.`)
  return jwk
}

function jwkIn(text: string): SigningKeyInput | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value?.kty === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

// Beside the built-in ones: the API's certificate need not be of the authority that the authorization server's is of.
async function authoritiesWith(path: string): Promise<readonly string[]> {
  // Node 22.12 does not have it yet.
  const trusted = tls.getCACertificates?.('default') ?? tls.rootCertificates
  const given = await bytesOf(path, 'caFile')
  const wrong = authoritiesProblem(given)
  if (wrong === undefined) return [...trusted, String(given)]
  const isEmpty = String(given).trim() === ''
  const hint = wrong.hint ?? (isEmpty ? 'It is empty.' : 'It has no line "-----BEGIN CERTIFICATE-----".')
  throw new CommandError(`The caFile ${path} ${wrong.problem}.`, hint)
}

async function certificateOf({ certificateFile, certificateKeyFile }: Settings): Promise<ClientOptions['certificate']> {
  if (typeof certificateFile !== 'string' || typeof certificateKeyFile !== 'string') {
    throw new CommandError(
      'A client certificate needs its key, and a key its certificate.',
      'Give both --certificate-file and --certificate-key-file.',
    )
  }
  await textOf(certificateFile, 'certificateFile')
  await textOf(certificateKeyFile, 'certificateKeyFile')
  return clientCertificateFromFiles({ cert: certificateFile, key: certificateKeyFile })
}

async function textOf(path: string, setting: string): Promise<string> {
  return String(await bytesOf(path, setting))
}

async function bytesOf(path: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(path)
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
