import type { Clock } from '../clock.ts'
import type { FetchLike } from '../transport.ts'
import type { ScenarioAnswer } from './scenario.ts'
import { milliseconds } from './scenario-timetable.ts'

/** The token endpoint of a scenario: records what arrives, and answers as the scenario says. */
export class ScenarioServer {
  /** When each request arrived, in monotonic milliseconds, and its form fields. */
  readonly requests: { readonly at: number; readonly form: URLSearchParams }[] = []
  /** Answers to the next requests, one each; then `byDefault`. */
  readonly script: ScenarioAnswer[] = []
  byDefault: ScenarioAnswer = {}
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For the option `transport`. */
  readonly fetch: FetchLike = async (_url, { body, signal }) => {
    const number = this.requests.push({ at: this.#clock.monotonicNow(), form: new URLSearchParams(body ?? '') })
    const answer = this.script.shift() ?? this.byDefault
    await this.#clock.sleep(answer.hang ? Infinity : milliseconds(answer.after ?? 0), signal)
    if (answer.refuse) throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    const { status = 200, headers } = answer
    const token = { access_token: `token-${number}`, token_type: 'Bearer', ...(answer.token ?? { expires_in: 3600 }) }
    const given = answer.body ?? (status < 300 ? token : '')
    return new Response(typeof given === 'string' ? given : JSON.stringify(given), {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    })
  }
}
