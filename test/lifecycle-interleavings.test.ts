import { expect, it } from 'vitest'
import { TokenError, TokenManager } from '../src/index.ts'
import type { FetchLike } from '../src/transport.ts'
import { fc } from './support/fast-check.ts'
import { VirtualClock } from './support/virtual-clock.ts'

/** What one task of the schedule does. */
const task = fc.record({
  does: fc.constantFrom('call', 'call', 'call', 'force', 'leave', 'reject', 'forget', 'expire'),
  key: fc.nat(2),
})

const answer = fc.constantFrom('token', 'token', 'token', 'outage', 'denial')

it('in any order of calls, answers, aborts and rejections each key has one request at a time and everyone is answered', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(task, { minLength: 1, maxLength: 25 }),
      fc.infiniteStream(answer),
      async (schedule, tasks, answers) => {
        const world = new Interleaved(schedule, answers)
        for (const { does, key } of tasks) {
          void schedule.schedule(Promise.resolve(), `${does} ${key}`).then(() => world.do(does, key))
        }
        await world.settle()
        expect(world.violations).toEqual([])
        expect(world.waiting).toBe(0)
      },
    ),
    { numRuns: 500 },
  )
}, 300_000)

/** A manager whose every answer is a task of the schedule. */
class Interleaved {
  readonly violations: string[] = []
  waiting = 0
  readonly #clock = new VirtualClock()
  readonly #schedule: fc.Scheduler
  readonly #answers: Iterator<string>
  readonly #tokens: TokenManager
  readonly #underWay = new Set<string>()
  readonly #aborts: AbortController[] = []
  #issued = 0

  constructor(schedule: fc.Scheduler, answers: Iterator<string>) {
    this.#schedule = schedule
    this.#answers = answers
    this.#tokens = new TokenManager({
      tokenEndpoint: 'https://auth.example.com/token',
      clientId: 'id',
      clientSecret: 'secret',
      clock: this.#clock,
      transport: this.#serve,
    })
  }

  async do(what: string, key: number): Promise<void> {
    const scope = `s${key}`
    const source = this.#tokens.source({ scope })
    if (what === 'call') this.#call(scope, false)
    else if (what === 'force') this.#call(scope, true)
    else if (what === 'leave') this.#aborts.pop()?.abort(new Error('left'))
    else if (what === 'reject') source.invalidate(source.current() ?? 'none')
    else if (what === 'forget') source.invalidate()
    else await this.#clock.advance(3600_000)
  }

  // Runs the tasks there are, and those that they lead to; time passes only when nothing else is left to happen.
  async settle(): Promise<void> {
    for (let idle = 0; idle < 5; ) {
      if (this.#schedule.count() > 0) {
        await this.#schedule.waitOne()
        await this.#clock.settle()
      } else {
        idle += 1
        await this.#clock.advance(4000)
      }
    }
  }

  #call(scope: string, forceRefresh: boolean): void {
    const abort = new AbortController()
    this.#aborts.push(abort)
    this.waiting += 1
    this.#tokens.getToken({ scope, forceRefresh, signal: abort.signal }).then(
      (token) => {
        this.waiting -= 1
        if (!token.reveal().startsWith(`${scope}-`)) this.violations.push(`${scope} was given ${token.reveal()}`)
      },
      (error: unknown) => {
        this.waiting -= 1
        if (!(error instanceof TokenError) && !abort.signal.aborted) this.violations.push(String(error))
      },
    )
  }

  readonly #serve: FetchLike = async (_, { body, signal }) => {
    const scope = new URLSearchParams(body ?? '').get('scope') ?? ''
    if (this.#underWay.has(scope)) this.violations.push(`two requests at once for ${scope}`)
    this.#underWay.add(scope)
    const done = () => this.#underWay.delete(scope)
    signal.addEventListener('abort', done, { once: true })
    await this.#schedule.schedule(Promise.resolve(), `answer ${scope}`)
    if (!signal.aborted) done()
    const { value } = this.#answers.next()
    if (value === 'outage') return new Response('', { status: 503 })
    if (value === 'denial') return Response.json({ error: 'invalid_scope' }, { status: 400 })
    this.#issued += 1
    return Response.json({ access_token: `${scope}-${this.#issued}`, token_type: 'Bearer', expires_in: 3600 })
  }
}
