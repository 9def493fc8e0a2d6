import { CommandError } from './command-error.ts'

/** What can be set of a client: its name in a profile, the environment variable, the flag and what the flag takes. */
export interface Setting {
  readonly name: SettingName
  readonly variable: string
  /** As commander reads it. */
  readonly flags: string
  readonly description: string
  readonly kind: 'text' | 'list' | 'flag' | 'file'
}

/** The settings by name. */
type SettingName = (typeof TABLE)[number][0]

/** What is set, by whichever source. Lists may be one text with spaces. */
export type Settings = { readonly [Name in SettingName]?: string | readonly string[] | boolean | undefined }

const TABLE = [
  ['issuer', '--issuer <url>', 'text', 'the issuer; its metadata names the endpoints'],
  ['tokenEndpoint', '--token-endpoint <url>', 'text', 'the token endpoint, instead of an issuer'],
  ['clientId', '--client-id <id>', 'text', "the client's id"],
  ['clientSecretFile', '--client-secret-file <path>', 'file', "a file that holds the client's secret"],
  ['scope', '--scope <scopes>', 'list', 'the scopes to ask for, separated by spaces'],
  ['audience', '--audience <audience>', 'list', 'the audience, where the server wants one'],
  ['resource', '--resource <url>', 'list', 'the API the token is for (RFC 8707)'],
  ['clientAuthentication', '--client-authentication <method>', 'text', 'such as client_secret_post or private_key_jwt'],
  ['basicEncoding', '--basic-encoding <encoding>', 'text', 'raw, for servers that do not decode Basic credentials'],
  ['privateKeyFile', '--private-key-file <path>', 'file', 'the key of private_key_jwt, PEM or JWK'],
  ['algorithm', '--algorithm <name>', 'text', 'what the key signs with, such as ES256'],
  ['keyId', '--key-id <id>', 'text', 'the id by which the server knows the key'],
  ['certificateFile', '--certificate-file <path>', 'file', 'the client certificate of mutual TLS, PEM'],
  ['certificateKeyFile', '--certificate-key-file <path>', 'file', 'its private key, PEM'],
  ['certificateForApi', '--certificate-for-api', 'flag', 'show it to the API too, for tokens that are bound to it'],
  ['dpopKeyFile', '--dpop-key-file <path>', 'file', 'the key that tokens are bound to (DPoP), PEM or JWK'],
  ['caFile', '--ca-file <path>', 'file', 'certificate authorities to trust beside the built-in ones, PEM'],
  ['endpointOrigins', '--endpoint-origins <origins>', 'list', 'other origins that the metadata may name'],
  ['allowInsecureLoopback', '--allow-insecure-loopback', 'flag', 'allow http: to this machine'],
] as const

/** All settings, in the order in which help shows them. */
export const SETTINGS: readonly Setting[] = TABLE.map(([name, flags, kind, description]) => ({
  name,
  flags,
  kind,
  description,
  variable: `EVERTOKEN_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
}))

/** The settings that the environment has. */
export function settingsOfEnvironment(environment: NodeJS.ProcessEnv): Settings {
  const found: Record<string, string | boolean> = {}
  for (const { name, variable, kind } of SETTINGS) {
    const value = environment[variable]
    if (value === undefined || value === '') continue
    found[name] = kind === 'flag' ? isOn(variable, value) : value
  }
  return found
}

function isOn(variable: string, value: string): boolean {
  if (/^(?:1|true|yes)$/i.test(value)) return true
  if (/^(?:0|false|no)$/i.test(value)) return false
  throw new CommandError(`${variable} must be 1 or 0.`)
}

// Where the library's word means something else elsewhere, with the words around it.
const OTHER_FLAGS: readonly (readonly [said: string, flag: string])[] = [
  ['as `ca`', 'as --ca-file'],
  ['(`certificate`)', '(--certificate-file)'],
  ['option `key`', 'option --private-key-file'],
  ['option `dpop.key`', 'option --dpop-key-file'],
  ['leave out `dpop`', 'leave out --dpop-key-file'],
]

/** What the library says, with flags in place of its options. */
export function inFlags(text: string): string {
  // What a profile has are names of options.
  if (text.includes('option `profiles')) return text
  const others = OTHER_FLAGS.reduce((before, [said, flag]) => before.replaceAll(said, flag), text)
  return others.replace(/`(\w+)(?:: (?:'([^']*)'|\w+))?`/g, (whole, name: string, value?: string) => {
    const flag = SETTINGS.find((one) => one.name === name)?.flags.split(' ')[0]
    return flag === undefined ? whole : value === undefined ? flag : `${flag} ${value}`
  })
}

/** How the user sets it, for messages. */
export function waysToSet(name: string): string | undefined {
  const setting = SETTINGS.find((one) => one.name === name)
  return setting && `${setting.flags.split(' ')[0]}, ${setting.variable}, or \`${name}\` in a profile`
}
