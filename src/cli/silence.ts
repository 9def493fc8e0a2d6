import { ProxyError } from '../proxy.ts'
import { CommandError, EXIT } from './command-error.ts'
import { connectionProblem } from './connection-problem.ts'
import { codeOf } from './private-files.ts'

/** Waits for a server only as long as it may be silent. */
export class Silence {
  readonly #server: string
  readonly #mostMs: number
  readonly #end = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(server: string, mostMs: number) {
    this.#server = server
    this.#mostMs = mostMs
  }

  /** Aborts when the server has been silent for too long. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  /** The server did something, and has its whole time again; nothing outside of `during`. */
  broken(): void {
    this.#timer?.refresh()
  }

  /**
   * What the work gives, for which the server must do something.
   * @param failure what is said when it does not
   * @throws CommandError when it takes too long, or the connection fails; anything else that the work throws
   */
  async during<T>(work: Promise<T>, failure: string): Promise<T> {
    this.#timer = setTimeout(() => this.#end.abort(), this.#mostMs)
    try {
      return await work
    } catch (error) {
      if (this.signal.aborted) {
        const text = `${failure} Nothing came for ${this.#mostMs / 1000} s.`
        throw new CommandError(text, '--timeout gives it longer.', EXIT.serverError)
      }
      if (!(error instanceof ProxyError) && !/^[A-Z]/.test(codeOf(error) ?? '')) throw error
      const { text, hint } = connectionProblem(error, this.#server)
      throw new CommandError(`${failure} ${text}`, hint, EXIT.serverError)
    } finally {
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }
}
