import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { AccessToken } from '../access-token.ts'
import { TokenError } from '../errors.ts'
import { type ApiAnswer, callApi } from './call-command.ts'
import { printBody } from './call-output.ts'
import { type RequestFlags, readRequest } from './call-request.ts'
import { clientOptions } from './client.ts'
import { CommandError, EXIT } from './command-error.ts'
import { type Configuration, type ConfigurationFlags, readConfiguration } from './configuration.ts'
import { describeReport, diagnose } from './doctor-command.ts'
import { examplesOf } from './examples.ts'
import { explained, tell, tellUsage } from './failure.ts'
import { configurationPath } from './folders.ts'
import { describeInspected, inspectToken } from './inspect-command.ts'
import { LOG_LEVELS, openLogger } from './log.ts'
import { codeOf } from './private-files.ts'
import { SETTINGS, type Setting } from './settings.ts'
import { note, printable, printableJson, readAll } from './terminal.ts'
import { describeToken, type GetTokenFlags, obtainToken, type TokenOutput } from './token-command.ts'

type Flags = ConfigurationFlags & GetTokenFlags & { readonly logLevel: string }
type CallFlags = RequestFlags & { readonly include?: boolean | undefined; readonly timeout: number }

/**
 * Runs the command `evertoken` with these arguments, as in `process.argv`. Resolves with its exit code: 0, or 1 when
 * `doctor` found something wrong, 2 for a mistake in flags or configuration, 3 when no token could be had, 4 and 5 for an
 * API's answer of that class, 5 also for none, 70 for a mistake in evertoken itself, 130 when the question for a secret was
 * left. Where stdout cannot be written, it ends the process with 74.
 */
export async function runCommand(argv: readonly string[]): Promise<number> {
  let exitCode = 0
  let isJson = false
  const finish = (code: number) => {
    exitCode = code
  }
  // Who reads it has enough, such as `head`.
  process.stdout.on('error', (error) => {
    if (codeOf(error) === 'EPIPE') process.exit(exitCode)
    tell(`The output cannot be written: ${codeOf(error)}.`)
    process.exit(EXIT.output)
  })
  // There is nowhere to say so.
  process.stderr.on('error', () => {})
  try {
    const command = program(finish).hook('preAction', (_, chosen) => {
      isJson = chosen.opts().output === 'json'
    })
    await command.parseAsync([...argv])
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage
    const { message, exitCode: code } = explained(error)
    const about = { message, code: error instanceof TokenError ? error.code : undefined, exit_code: code }
    if (isJson) process.stderr.write(`${printableJson({ error: about }, 0)}\n`)
    else tell(message)
    return code
  }
}

const MOST_SECONDS = 86_400
const LARGEST_TOKEN = 1024 * 1024
const PACKAGE: { readonly version: string } = createRequire(import.meta.url)('../../package.json')

function program(finish: (exitCode: number) => void): Command {
  const command = new Command('evertoken')
    .description('OAuth 2.0 access tokens for service-to-service APIs.')
    .version(PACKAGE.version)
    .exitOverride()
    .configureOutput({ outputError: tellUsage })
    .addHelpText('after', `${examplesOf('evertoken')}\n\n${ABOUT_SECRETS}`)
  tokenCommand(command.command('token'))
  callCommand(command.command('call'), finish)
  doctorCommand(command.command('doctor'), finish)
  inspectCommand(command.command('inspect'))
  return command
}

function tokenCommand(command: Command): void {
  withToken(command)
    .description('print an access token; from the cache while it is valid')
    .option('--header', 'print a whole Authorization header')
    .addOption(outputOption())
    .addHelpText('after', examplesOf('token'))
    .action(async (flags: Flags & TokenOutput) => {
      const { header, output, ...others } = flags
      const token = await tokenBy(await configured(others), others)
      if (header && token.tokenType === 'DPoP') note('The header needs a proof beside it: evertoken call makes one.')
      process.stdout.write(`${describeToken(token, { header, output })}\n`)
    })
}

function callCommand(command: Command, finish: (exitCode: number) => void): void {
  withToken(command)
    .description('send a request to an API, with a token')
    .argument('<url>', 'the whole URL')
    .option('-X, --request <method>', 'default: GET, or POST with data')
    .option('-d, --data <data>', 'the body; @file reads a file, @- what is piped in')
    .option('-H, --header <header>', 'a header more, `name: value`', appended)
    .option('-i, --include', 'print status and headers too')
    .option('--timeout <seconds>', 'how long the API may be silent', seconds, 60)
    .addHelpText('after', examplesOf('call'))
    .action(async (given: string, flags: Flags & CallFlags) => {
      const { request, data, header, include, timeout, ...others } = flags
      const configuration = await configured(others)
      const { allowInsecureLoopback, certificateForApi } = configuration.settings
      const sent = await readRequest(given, { request, data, header }, allowInsecureLoopback === true)
      const { cache, fresh, logLevel } = others
      const client = await clientOptions(configuration)
      const options = { cache, fresh, showsCertificate: certificateForApi === true, timeoutMs: timeout * 1000 }
      const answer = await callApi(client, sent, options, await openLogger(logLevel))
      finish(answer.status < 400 ? 0 : answer.status < 500 ? EXIT.clientError : EXIT.serverError)
      printHead(answer, include === true || sent.method === 'HEAD')
      if (answer.status === 401 && client.certificate !== undefined && !certificateForApi)
        note('The connection showed no certificate: tokens that are bound to one need --certificate-for-api.')
      await printBody(answer, process.stdout)
    })
}

function doctorCommand(command: Command, finish: (exitCode: number) => void): void {
  withClient(command)
    .description('find out why a set-up does not work; makes one token request')
    .option('--try <method>', 'a client authentication method to try, by one token request; may be repeated', appended)
    .addOption(outputOption())
    .addHelpText('after', examplesOf('doctor'))
    .action(
      async (
        flags: ConfigurationFlags & { readonly try?: readonly string[]; readonly output: TokenOutput['output'] },
      ) => {
        const { try: methods, output, ...others } = flags
        const report = await diagnose(others, methods ?? [], process.env)
        process.stdout.write(output === 'json' ? `${printableJson(report)}\n` : describeReport(report))
        finish(report.works ? 0 : EXIT.wrong)
      },
    )
}

function inspectCommand(command: Command): void {
  withToken(command)
    .description('show what a token that is piped in says of itself, without verifying it')
    .option('--cached', 'the token that `evertoken token` prints, instead of one that is piped in')
    .addOption(outputOption())
    .addHelpText('after', examplesOf('inspect'))
    .action(async ({ cached, output, ...others }: Flags & { cached?: boolean; output: TokenOutput['output'] }) => {
      if (!cached && process.stdin.isTTY) {
        throw new CommandError('There is no token.', 'Pipe one in: evertoken token | evertoken inspect, or --cached.')
      }
      const text = cached ? (await tokenBy(await configured(others), others)).reveal() : await pipedIn()
      const inspected = inspectToken(text)
      if (inspected === undefined) throw new CommandError('The token is not a JWT: only its server can read it.')
      const shown = output === 'json' ? printableJson(inspected) : describeInspected(inspected, Date.now())
      process.stdout.write(`${shown}\n`)
    })
}

async function pipedIn(): Promise<string> {
  const piped = await readAll(process.stdin, LARGEST_TOKEN)
  if (piped === undefined) throw new CommandError('What is piped in is larger than 1 MiB: that is no token.')
  return String(piped)
}

// Asked for, or else because it says what the body does not.
function printHead({ status, head }: ApiAnswer, isWanted: boolean): void {
  if (isWanted || status >= 300) (isWanted ? process.stdout : process.stderr).write(`${printable(head)}\n\n`)
}

// The rest of the flags says which client.
function clientFlags({ cache: _, fresh: __, logLevel: ___, ...client }: Flags): ConfigurationFlags {
  return client
}

async function configured(flags: Flags): Promise<Configuration> {
  return await readConfiguration(clientFlags(flags), process.env)
}

async function tokenBy(configuration: Configuration, { cache, fresh, logLevel }: Flags): Promise<AccessToken> {
  return await obtainToken(configuration, { cache, fresh }, await openLogger(logLevel))
}

function seconds(value: string): number {
  const given = Number(value)
  if (given > 0 && given <= MOST_SECONDS) return given
  throw new InvalidArgumentError(`It must be a number of seconds up to ${MOST_SECONDS}.`)
}

// A shell makes it of a variable that is not set.
function filled(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty: is the variable set?')
  return value
}

function appended(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, filled(value)]
}

function withClient(command: Command): Command {
  command.option('--profile <name>', `a profile of ${configurationPath(process.env) ?? 'the configuration'}`, filled)
  command.option('--config <path>', 'another file with profiles', filled)
  for (const setting of SETTINGS) command.addOption(settingOption(setting))
  return command.exitOverride()
}

function withToken(command: Command): Command {
  withClient(command)
  command.option('--no-cache', 'neither use nor keep a cached token')
  command.option('--fresh', 'request a new token')
  const levels = new Option('--log-level <level>', 'write log lines to stderr').choices(LOG_LEVELS)
  return command.addOption(levels.default('silent'))
}

function settingOption({ flags, description, variable, kind }: Setting): Option {
  const option = new Option(flags, `${description} [${variable}]`)
  return kind === 'flag' ? option : kind === 'list' ? option.argParser(appended) : option.argParser(filled)
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text')
}

const ABOUT_SECRETS =
  "The client's secret comes from EVERTOKEN_CLIENT_SECRET, a file, a profile, or is asked for; never from a flag."
