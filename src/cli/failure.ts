import { TokenError } from '../errors.ts'
import { CommandError, EXIT } from './command-error.ts'
import { inFlags, waysToSet } from './settings.ts'
import { printable, sign } from './terminal.ts'

/** Says on stderr what went wrong. */
export function tell(message: string): void {
  process.stderr.write(`${sign('wrong', process.stderr)} ${printable(message)}\n`)
}

const USAGE_HINTS: readonly (readonly [mistake: RegExp, hint: string])[] = [
  [/'--(?:client-)?secret'/, 'A secret is never a flag: set EVERTOKEN_CLIENT_SECRET, or give --client-secret-file.'],
  [/for 'inspect'/, 'A token is never an argument: pipe it in.'],
]

/** Says what is wrong with the flags, without what may be a secret that was meant for one. */
export function tellUsage(text: string): void {
  const said = text
    .trim()
    .replace(/^error: /, '')
    .replace(/(--[\w-]+)=.*'/s, "$1'")
    .replace(/( but got \d+): .*/s, '$1.')
  const [, hint] = USAGE_HINTS.find(([mistake]) => mistake.test(said)) ?? []
  tell(hint === undefined ? said : `${said.split('\n')[0]?.replace(/\.$/, '')}. ${hint}`)
}

/** What the user is told of an error, and the command's exit code for it. */
export function explained(error: unknown): { readonly message: string; readonly exitCode: number } {
  if (error instanceof CommandError) {
    return { message: [error.message, error.hint].filter(Boolean).join(' '), exitCode: error.exitCode }
  }
  if (error instanceof TokenError) return { message: inFlags(error.message), exitCode: EXIT.noToken }
  if (error instanceof TypeError && error.message.startsWith('evertoken: ')) {
    const [, option = ''] = error.message.match(/option `(?:profiles\.[^.`]*\.)?(\w+)`/) ?? []
    const ways = waysToSet(option)
    const message = inFlags(error.message.slice('evertoken: '.length))
    return { message: `${message}${ways === undefined ? '' : ` (set by ${ways})`}`, exitCode: EXIT.usage }
  }
  return {
    message: `Unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    exitCode: EXIT.internal,
  }
}
