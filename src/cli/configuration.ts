import { readFile, realpath } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { ownOptions } from '../option-values.ts'
import { CommandError } from './command-error.ts'
import { configurationPath } from './folders.ts'
import { codeOf, readPrivateFile } from './private-files.ts'
import { SETTINGS, type Setting, type Settings, settingsOfEnvironment } from './settings.ts'

/** What every command is given by flags. */
export interface ConfigurationFlags extends Settings {
  readonly profile?: string | undefined
  readonly config?: string | undefined
}

/** One client, and where its secret comes from: the same source that names its endpoint. */
export interface Configuration {
  readonly settings: Settings
  /** In words, for messages: `the environment` or `profile orders of …`. */
  readonly source: string
  readonly secret: SecretSource
}

/** Where a secret is. `prompt`: the user is asked. */
type SecretSource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'prompt' }

interface Profile extends Settings {
  readonly clientSecret?: string | undefined
  readonly clientSecretVariable?: string | undefined
}

interface ConfigurationFile {
  readonly default?: string | undefined
  readonly profiles?: Readonly<Record<string, Profile>> | undefined
}

const isText = (value: unknown) => typeof value === 'string'
const KINDS: Readonly<Record<Setting['kind'], { isOf: (value: unknown) => boolean; said: string }>> = {
  text: { isOf: isText, said: 'a text' },
  list: { isOf: (value) => isText(value) || (Array.isArray(value) && value.every(isText)), said: 'a text or a list' },
  flag: { isOf: (value) => typeof value === 'boolean', said: 'true or false' },
  file: { isOf: isText, said: 'the path of a file' },
}

const SECRET_VARIABLE = 'EVERTOKEN_CLIENT_SECRET'
const PROFILE_NAMES = [...SETTINGS.map(({ name }) => name), 'clientSecret', 'clientSecretVariable']
const ENDPOINTS = ['issuer', 'tokenEndpoint'] as const

/**
 * Puts together what one client is configured with: a profile, or else the environment; flags come on top of either.
 *
 * Sources of endpoints and secrets are never mixed, so that no file or variable that someone else wrote sends a secret
 * elsewhere.
 * @throws CommandError that says what is missing or contradicts itself; TypeError naming an option of a file
 */
export async function readConfiguration(
  given: ConfigurationFlags,
  environment: NodeJS.ProcessEnv,
): Promise<Configuration> {
  const { profile, config, ...flags } = given
  const fromEnvironment = settingsOfEnvironment(environment)
  const named = profile ?? (environment.EVERTOKEN_PROFILE || undefined)
  const namesEndpoint = (settings: Settings) => ENDPOINTS.some((name) => settings[name] !== undefined)
  if (named === undefined && config === undefined && (namesEndpoint(flags) || namesEndpoint(fromEnvironment))) {
    return ofEnvironment(flags, fromEnvironment, environment)
  }
  const path = config ?? configurationPath(environment)
  const file = path === undefined ? undefined : await readFileOf(path, config === undefined)
  const name = named ?? file?.default
  if (path === undefined || file === undefined || name === undefined) {
    const noFile = `There is no ${path ?? 'home folder'} with the profile ${named}.`
    throw new CommandError(
      named === undefined ? 'It is not said where to get a token.' : noFile,
      'Give --issuer and --client-id, set EVERTOKEN_ISSUER and EVERTOKEN_CLIENT_ID, or write a profile.',
    )
  }
  return await ofProfile({ file, name, path, isOwn: config === undefined }, flags, environment)
}

function ofEnvironment(flags: Settings, variables: Settings, environment: NodeJS.ProcessEnv): Configuration {
  const settings = withFlags(variables, flags, process.cwd())
  const text = environment[SECRET_VARIABLE]
  const isElsewhere = ENDPOINTS.some((name) => flags[name] !== undefined && flags[name] !== variables[name])
  const hasOwnEndpoint = ENDPOINTS.some((name) => variables[name] !== undefined)
  if (isElsewhere && hasOwnEndpoint && flags.clientSecretFile === undefined) {
    throw new CommandError(
      'The environment names one authorization server, and a flag another.',
      `A secret goes only where its own source says: leave out one of the two, or give --client-secret-file.`,
    )
  }
  return {
    settings,
    source: 'flags and environment',
    secret: secretOf(flags.clientSecretFile === undefined ? text : undefined, settings.clientSecretFile),
  }
}

interface ChosenProfile {
  readonly file: ConfigurationFile
  readonly name: string
  readonly path: string
  /** Whether it is the user's own file, and not one named on the command line. */
  readonly isOwn: boolean
}

async function ofProfile(
  { file, name, path, isOwn }: ChosenProfile,
  flags: Settings,
  environment: NodeJS.ProcessEnv,
): Promise<Configuration> {
  const profiles = ownOptions<Record<string, Profile>>(file.profiles ?? {}, 'profiles.')
  const found = profiles[name]
  if (found === undefined) {
    const names = Object.keys(profiles).join(', ')
    throw new CommandError(`${path} has no profile ${name}.`, names === '' ? undefined : `It has ${names}.`)
  }
  const profile = ownOptions<Profile>(found, `profiles.${name}.`, PROFILE_NAMES)
  const { clientSecret, clientSecretVariable, ...own } = profile
  const elsewhere = ENDPOINTS.find((endpoint) => flags[endpoint] !== undefined)
  if (elsewhere !== undefined) {
    throw new CommandError(
      `The profile ${name} names an authorization server, and a flag another.`,
      "The profile's secret is not sent elsewhere: leave out one of the two.",
    )
  }
  for (const { name: option, kind } of SETTINGS) {
    if (own[option] === undefined || KINDS[kind].isOf(own[option])) continue
    throw new CommandError(`\`profiles.${name}.${option}\` must be ${KINDS[kind].said}.`)
  }
  if (!isOwn) await refuseOthers(profile, path)
  const text = clientSecret ?? (clientSecretVariable === undefined ? undefined : environment[clientSecretVariable])
  if (clientSecretVariable !== undefined && text === undefined) {
    throw new CommandError(`The variable ${clientSecretVariable}, which profile ${name} names, is not set.`)
  }
  const settings = withFlags(own, flags, dirname(resolve(path)))
  return { settings, source: `profile ${name} of ${path}`, secret: secretOf(text, settings.clientSecretFile) }
}

// A file that lies in a checkout may be anybody's: it must not reach for secrets that it did not bring.
async function refuseOthers(profile: Profile, path: string): Promise<void> {
  const hint = 'Put the profile into your own configuration instead.'
  if (profile.clientSecretVariable !== undefined) {
    throw new CommandError(`${path} is not your own configuration, and may not name a variable with a secret.`, hint)
  }
  for (const { name, kind } of SETTINGS) {
    const value = profile[name]
    if (kind !== 'file' || typeof value !== 'string') continue
    const folder = dirname(resolve(path))
    if (!(await isInside(resolve(folder, value), folder))) {
      throw new CommandError(`${path} is not your own configuration: \`${name}\` must be a file beside it.`, hint)
    }
  }
}

// Also by links, which a checkout may have.
async function isInside(path: string, folder: string): Promise<boolean> {
  if (!path.startsWith(join(folder, sep))) return false
  try {
    return (await realpath(path)).startsWith(join(await realpath(folder), sep))
  } catch {
    // What is not there is told by who reads it.
    return true
  }
}

function secretOf(text: string | undefined, file: Settings['clientSecretFile']): SecretSource {
  if (text !== undefined && text !== '') return { kind: 'text', text }
  return typeof file === 'string' ? { kind: 'file', path: file } : { kind: 'prompt' }
}

function withFlags(settings: Settings, flags: Settings, folder: string): Settings {
  return { ...withPaths(settings, folder), ...withPaths(flags, process.cwd()) }
}

// A path is relative to whoever wrote it.
function withPaths(settings: Settings, folder: string): Settings {
  const read = SETTINGS.flatMap(({ name, kind }) => {
    const value = settings[name]
    if (value === undefined) return []
    return [[name, kind === 'file' && typeof value === 'string' ? resolve(folder, value) : value]]
  })
  return Object.fromEntries(read)
}

async function readFileOf(path: string, isOwn: boolean): Promise<ConfigurationFile | undefined> {
  const text = isOwn ? await readPrivateFile(path) : await readGiven(path)
  if (text === undefined) return undefined
  try {
    const read: unknown = JSON.parse(text)
    if (typeof read !== 'object' || read === null || Array.isArray(read)) {
      throw new CommandError(`${path} must hold an object with profiles.`)
    }
    return ownOptions<ConfigurationFile>(read, '', ['default', 'profiles'])
  } catch (error) {
    // What a parser says of a file quotes it, but for the place.
    const [place] = error instanceof SyntaxError ? (error.message.match(/ \(line \d+ column \d+\)/) ?? ['']) : []
    if (place !== undefined) throw new CommandError(`${path} is not JSON${place}.`)
    throw error
  }
}

async function readGiven(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${codeOf(error) ?? 'unknown error'}.`)
  }
}
