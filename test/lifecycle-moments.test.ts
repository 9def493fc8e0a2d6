import { expect, it } from 'vitest'
import { type ReceivedToken, TokenError, TokenManager, type TokenSource } from '../src/index.ts'
import { fc } from './support/fast-check.ts'
import { VirtualClock } from './support/virtual-clock.ts'

/** What is done, so many microtasks after what it waits for. */
const step = fc.record({
  does: fc.constantFrom('call', 'call', 'force', 'force', 'leave', 'reject', 'forget', 'close'),
  after: fc.constantFrom('nothing', 'the next answer', 'the last call'),
  microtasks: fc.nat(8),
})

const outcome = fc.constantFrom('token', 'token', 'token', 'uncacheable', 'outage', 'denial')

it('whatever is done at the very moment when a request ends, there is one at a time, and none after the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 15 }),
      fc.infiniteStream(outcome),
      async (steps, outcomes) => {
        const world = new Moments(outcomes)
        for (const one of steps) await world.plan(one)
        await world.finish()
        expect(world.violations).toEqual([])
      },
    ),
    { numRuns: 1000 },
  )
}, 120_000)

async function pass(microtasks: number): Promise<void> {
  for (let i = 0; i < microtasks; i++) await Promise.resolve()
}

/** A manager of one token, whose requests take a millisecond. */
class Moments {
  readonly violations: string[] = []
  readonly #clock = new VirtualClock()
  readonly #outcomes: Iterator<string>
  readonly #tokens: TokenManager
  readonly #source: TokenSource
  readonly #aborts: AbortController[] = []
  readonly #atNextAnswer: (() => void)[] = []
  #lastCall: Promise<unknown> = Promise.resolve()
  #begun = 0
  #underWay = 0
  #waiting = 0
  #isClosed = false

  constructor(outcomes: Iterator<string>) {
    this.#outcomes = outcomes
    const requestToken = ({ signal }: { signal: AbortSignal }) => this.#serve(signal)
    this.#tokens = new TokenManager({ clientId: 'orders', clock: this.#clock, maxAttempts: 1, requestToken })
    this.#source = this.#tokens.source()
  }

  async plan({ does, after, microtasks }: { does: string; after: string; microtasks: number }): Promise<void> {
    const act = () => void pass(microtasks).then(() => this.#do(does))
    if (after === 'the next answer') this.#atNextAnswer.push(act)
    else if (after === 'the last call') void this.#lastCall.then(act)
    else {
      act()
      await this.#clock.advance(1)
    }
  }

  async finish(): Promise<void> {
    // Longer than any pause, and more often than calls can follow from one another.
    for (let i = 0; i < 10; i++) {
      for (const act of this.#atNextAnswer.splice(0)) act()
      await this.#clock.advance(20_000)
    }
    this.#do('close')
    await this.#clock.settle()
    if (!this.#isClosed) this.violations.push('it does not close')
    if (this.#waiting > 0) this.violations.push(`${this.#waiting} callers wait for ever`)
  }

  #do(what: string): void {
    if (what === 'call' || what === 'force') this.#call(what === 'force')
    else if (what === 'leave') this.#aborts.pop()?.abort(new Error('left'))
    else if (what === 'reject') this.#source.invalidate(this.#source.peek() ?? 'none')
    else if (what === 'forget') this.#source.invalidate()
    else void this.#close()
  }

  #call(forceRefresh: boolean): void {
    const abort = new AbortController()
    this.#aborts.push(abort)
    const begunBefore = this.#begun
    this.#waiting += 1
    const call = this.#source.getToken({ forceRefresh, signal: abort.signal })
    this.#lastCall = call.catch(() => {})
    call
      .then(
        (token) => {
          const isOld = forceRefresh && Number(token.reveal()) <= begunBefore
          if (isOld) this.violations.push('a forced call is given what was requested before it')
        },
        (error: unknown) => {
          if (!(error instanceof TokenError) && !abort.signal.aborted) this.violations.push(String(error))
        },
      )
      .finally(() => {
        this.#waiting -= 1
      })
  }

  async #close(): Promise<void> {
    await this.#tokens.close()
    this.#isClosed = true
    if (this.#underWay > 0) this.violations.push('it is closed while a request is under way')
  }

  async #serve(signal: AbortSignal): Promise<ReceivedToken> {
    this.#begun += 1
    const value = `${this.#begun}`
    if (this.#isClosed) this.violations.push('a request begins after the end')
    if (this.#underWay > 0) this.violations.push('two requests at once')
    this.#underWay += 1
    await this.#clock.sleep(1, signal).finally(() => {
      this.#underWay -= 1
    })
    for (const act of this.#atNextAnswer.splice(0)) act()
    const { value: outcome } = this.#outcomes.next()
    if (outcome === 'outage') throw Object.assign(new Error('outage'), { status: 503 })
    if (outcome === 'denial') throw Object.assign(new Error('denial'), { status: 401 })
    return { accessToken: value, lifetimeMs: outcome === 'token' ? 3_600_000 : 0 }
  }
}
