/** Exit codes of the command, beside 0. */
export const EXIT = {
  wrong: 1,
  usage: 2,
  noToken: 3,
  clientError: 4,
  serverError: 5,
  internal: 70,
  output: 74,
  interrupted: 130,
} as const

/** What the user of the command can put right: shown without a stack. */
export class CommandError extends Error {
  readonly hint: string | undefined
  readonly exitCode: number

  constructor(message: string, hint?: string, exitCode: number = EXIT.usage) {
    super(message)
    this.name = 'CommandError'
    this.hint = hint
    this.exitCode = exitCode
  }
}
