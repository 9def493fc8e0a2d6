import { describe, expect, it } from 'vitest'
import { TokenError, TokenResponseError, TokenTransportError } from '../src/errors.ts'
import { type Admission, RequestGate } from '../src/request-gate.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const OUTAGE = new TokenTransportError({ code: 'network', message: 'Refused.' })
const DENIAL = new TokenResponseError({ code: 'request_denied', message: 'No.', status: 401, error: 'invalid_client' })
const MINUTE = 60_000

const throttled = (retryAfterMs: number, retryable = true) =>
  new TokenResponseError({ code: 'server_unavailable', message: 'Busy.', status: 429, retryable, retryAfterMs })

const never = new AbortController().signal

/** A gate whose draws are all the same: with 1 a pause is as long as its bound. */
function gateOf({ random = 1, credentialChanged = undefined as (() => Promise<boolean>) | undefined } = {}) {
  const clock = new VirtualClock({ random: () => random })
  return { clock, gate: new RequestGate('orders', clock, credentialChanged) }
}

/** Leave that must be given. */
function admitted(gate: RequestGate): Admission {
  const admission = gate.admit()
  if (admission instanceof TokenError) throw admission
  return admission
}

/** A request that fails. */
function fail(gate: RequestGate, error: TokenError, mostMs?: number): void {
  const admission = admitted(gate)
  gate.failed(error, admission, mostMs)
  gate.release(admission)
}

/** Work that is done when it is told to be. */
function held<T = string>(): { work: () => Promise<T>; finish: (value: T) => void; started: () => boolean } {
  let finish!: (value: T) => void
  let started = false
  const promise = new Promise<T>((resolve) => {
    finish = resolve
  })
  const work = () => {
    started = true
    return promise
  }
  return { work, finish, started: () => started }
}

describe('a gate', () => {
  it('is open at first: every request is admitted, and none is a probe', () => {
    const { gate } = gateOf()
    expect(gate.admit()).toEqual({ probe: false, afterFailures: 0, afterSuccesses: 0 })
    expect(gate.admitInBackground({ refresh: true })).toEqual({ probe: false, afterFailures: 0, afterSuccesses: 0 })
    expect(gate.failing).toBe(false)
    expect(gate.refusal()).toBeUndefined()
    expect(gate.pauseMs()).toBe(0)
  })

  it('gives the failure to everybody while its pause lasts', async () => {
    const { gate, clock } = gateOf()
    fail(gate, OUTAGE)
    expect(gate.failing).toBe(true)
    expect(gate.pauseMs()).toBe(500)
    await clock.advance(499)
    expect(gate.admit()).toBe(OUTAGE)
    expect(gate.admitInBackground({ refresh: true })).toBe(OUTAGE)
    expect(gate.refusal()).toBe(OUTAGE)
    await clock.advance(1)
    expect(gate.refusal()).toBeUndefined()
    expect(gate.admit()).toMatchObject({ probe: true })
  })

  it('lets one request go first after a pause, and gives the others the failure until it is back', async () => {
    const { gate, clock } = gateOf()
    fail(gate, OUTAGE)
    await clock.advance(500)
    const probe = admitted(gate)
    expect(gate.admit()).toBe(OUTAGE)
    expect(gate.admitInBackground({ refresh: true })).toBe(OUTAGE)
    expect(gate.refusal()).toBe(OUTAGE)
    gate.release({ ...probe, probe: false })
    expect(gate.admit()).toBe(OUTAGE)
    gate.release(probe)
    expect(gate.admit()).toMatchObject({ probe: true })
  })

  it('is open again when the probe has succeeded', async () => {
    const { gate, clock } = gateOf()
    fail(gate, throttled(10 * MINUTE))
    await clock.advance(5 * MINUTE)
    const probe = admitted(gate)
    gate.succeeded(probe)
    gate.release(probe)
    expect(gate.admit()).toEqual({ probe: false, afterFailures: 1, afterSuccesses: 1 })
    expect(gate.admitInBackground({ refresh: true })).toMatchObject({ probe: false })
    expect(gate.failing).toBe(false)
    expect(gate.pauseMs()).toBe(0)
  })

  it('pauses longer with every probe that fails, up to 10 s, and begins anew once one has succeeded', async () => {
    const { gate, clock } = gateOf()
    const pauses: number[] = []
    for (let round = 0; round < 6; round++) {
      fail(gate, OUTAGE)
      pauses.push(gate.pauseMs())
      await clock.advance(gate.pauseMs())
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000])
    const probe = admitted(gate)
    gate.succeeded(probe)
    gate.release(probe)
    fail(gate, OUTAGE)
    expect(gate.pauseMs()).toBe(500)
  })

  it('draws the pause of an outage, so that a fleet does not come back in step', () => {
    const { gate } = gateOf({ random: 0 })
    fail(gate, OUTAGE)
    expect(gate.pauseMs()).toBe(250)
  })

  it('remembers a denial for a second, then twice as long', async () => {
    const { gate, clock } = gateOf({ random: 0 })
    fail(gate, DENIAL)
    expect(gate.pauseMs()).toBe(1000)
    await clock.advance(1000)
    fail(gate, DENIAL)
    expect(gate.pauseMs()).toBe(2000)
  })

  it('pauses for an outage no longer than the failed key can bear, but as long as the server asks', async () => {
    const { gate, clock } = gateOf()
    fail(gate, OUTAGE, 100)
    expect(gate.pauseMs()).toBe(100)
    await clock.advance(100)
    fail(gate, throttled(3000), 100)
    expect(gate.pauseMs()).toBe(3000)
  })

  it('obeys a long Retry-After for five minutes, and for an hour where a token is valid', async () => {
    const { gate, clock } = gateOf()
    const busy = throttled(24 * 60 * MINUTE)
    fail(gate, busy)
    expect([gate.pauseMs(), gate.pauseMs({ refresh: true })]).toEqual([5 * MINUTE, 60 * MINUTE])
    await clock.advance(5 * MINUTE - 1)
    expect(gate.admit()).toBe(busy)
    await clock.advance(1)
    expect(gate.admitInBackground({ refresh: true })).toBe(busy)
    expect(gate.admitInBackground({ refresh: false })).toMatchObject({ probe: true })
    await clock.advance(55 * MINUTE)
    expect(gate.pauseMs()).toBe(0)
  })

  it('takes one outage for one failure, however many requests it catches', async () => {
    const { gate, clock } = gateOf()
    const underWay = [admitted(gate), admitted(gate), admitted(gate)]
    for (const admission of underWay) gate.failed(OUTAGE, admission)
    expect(gate.pauseMs()).toBe(500)
    await clock.advance(500)
    fail(gate, OUTAGE)
    expect(gate.pauseMs()).toBe(1000)
  })

  it('obeys the Retry-After of a request that was under way when the outage began', () => {
    const { gate } = gateOf()
    const [first, second, third] = [admitted(gate), admitted(gate), admitted(gate)]
    const busy = throttled(7000)
    gate.failed(OUTAGE, first)
    gate.failed(busy, second)
    gate.failed(OUTAGE, third)
    expect(gate.pauseMs()).toBe(7000)
    expect(gate.admit()).toBe(busy)
  })

  it('does not pause for a request that fails after newer ones have succeeded, unless the server asks for it', () => {
    const { gate } = gateOf()
    const [slow, throttledOne, denied, newer] = [admitted(gate), admitted(gate), admitted(gate), admitted(gate)]
    gate.succeeded(newer)
    gate.failed(OUTAGE, slow)
    expect(gate.failing).toBe(false)
    gate.failed(throttled(2000), throttledOne)
    expect(gate.pauseMs()).toBe(2000)
    gate.clear()
    gate.failed(DENIAL, denied)
    expect(gate.admit()).toBe(DENIAL)
  })

  it('stays closed when a request succeeds that was sent before the failure', () => {
    const { gate } = gateOf()
    const [early, failing] = [admitted(gate), admitted(gate)]
    gate.failed(OUTAGE, failing)
    gate.succeeded(early)
    expect(gate.admit()).toBe(OUTAGE)
  })

  it('is open again when a probe has succeeded, whatever failed meanwhile', async () => {
    const { gate, clock } = gateOf()
    const [late, first] = [admitted(gate), admitted(gate)]
    gate.failed(OUTAGE, first)
    await clock.advance(500)
    const probe = admitted(gate)
    gate.failed(OUTAGE, late)
    gate.succeeded(probe)
    gate.release(probe)
    expect(gate.admit()).toMatchObject({ probe: false })
  })

  it('is open again when another process has had a token since the failure, and not when it had it before', async () => {
    const { gate, clock } = gateOf()
    fail(gate, throttled(10 * MINUTE))
    await clock.advance(2000)
    gate.succeededElsewhere(2000)
    expect(gate.failing).toBe(true)
    gate.succeededElsewhere(1999)
    expect(gate.failing).toBe(false)
    expect(gate.pauseMs()).toBe(0)
    gate.succeededElsewhere(0)
    expect(gate.admit()).toMatchObject({ probe: false })
  })

  it('forgets every failure when it is cleared', () => {
    const { gate } = gateOf()
    fail(gate, throttled(10 * MINUTE))
    gate.clear()
    expect(gate.admitInBackground({ refresh: true })).toMatchObject({ probe: false })
    expect(gate.failing).toBe(false)
    expect(gate.pauseMs()).toBe(0)
  })
})

describe('credentials that may have changed', () => {
  const turned = { now: false, asked: 0 }
  const credentialChanged = () => {
    turned.asked += 1
    return Promise.resolve(turned.now)
  }
  /** A gate that remembers a denial, its second in a row: for two seconds. */
  async function denied() {
    Object.assign(turned, { now: false, asked: 0 })
    const { gate, clock } = gateOf({ credentialChanged })
    fail(gate, DENIAL)
    await clock.advance(1000)
    fail(gate, DENIAL)
    return { gate, clock }
  }

  it('are looked at a second after a denial, and not sooner', async () => {
    const { gate, clock } = await denied()
    await clock.advance(999)
    expect(gate.admit()).toBe(DENIAL)
    await clock.advance(1)
    expect(gate.admit()).toMatchObject({ probe: true })
  })

  it('end the denial at once', async () => {
    const { gate, clock } = await denied()
    await clock.advance(1000)
    const probe = admitted(gate)
    turned.now = true
    const { work, finish } = held()
    const result = gate.run(probe, never, work)
    await clock.settle()
    expect(gate.refusal()).toBe(DENIAL)
    expect(gate.admit()).toMatchObject({ probe: false })
    finish('token')
    await expect(result).resolves.toBe('token')
    expect(turned.asked).toBe(1)
  })

  it('send nothing while they are the same, and are looked at again after another second', async () => {
    const { gate, clock } = await denied()
    await clock.advance(1000)
    const probe = admitted(gate)
    const { work, started } = held()
    await expect(gate.run(probe, never, work)).rejects.toBe(DENIAL)
    gate.release(probe)
    expect(started()).toBe(false)
    expect(gate.admit()).toBe(DENIAL)
    await clock.advance(999)
    expect(gate.admit()).toBe(DENIAL)
    await clock.advance(1)
    expect(gate.admit()).toMatchObject({ probe: true })
  })

  it('are not looked at when the pause is over: the request itself will tell', async () => {
    const { gate, clock } = await denied()
    await clock.advance(2000)
    await expect(gate.run(admitted(gate), never, () => Promise.resolve('token'))).resolves.toBe('token')
    expect(turned.asked).toBe(0)
  })

  it('end with the first success what the server asked of refreshes before, though the probe is not back', async () => {
    const { gate, clock } = gateOf({ credentialChanged: () => Promise.resolve(true) })
    fail(gate, throttled(10 * MINUTE, false))
    await clock.advance(1000)
    fail(gate, throttled(10 * MINUTE, false))
    await clock.advance(1000)
    void gate.run(admitted(gate), never, held().work)
    await clock.settle()
    expect(gate.pauseMs({ refresh: true })).toBe(10 * MINUTE - 1000)
    gate.succeeded(admitted(gate))
    expect(gate.pauseMs({ refresh: true })).toBe(0)
  })

  /** Has the next leave that is given refused as well. @returns how many seconds it took */
  async function refusedAgain(gate: RequestGate, clock: VirtualClock): Promise<number> {
    for (let seconds = 1; ; seconds++) {
      await clock.advance(1000)
      const probe = gate.admit()
      if (probe instanceof TokenError) continue
      const sent = await gate.run(probe, never, () => Promise.resolve(true)).catch(() => false)
      if (sent) gate.failed(DENIAL, probe)
      gate.release(probe)
      return seconds
    }
  }

  it('that are others every time are sent more and more rarely', async () => {
    const { gate, clock } = await denied()
    turned.now = true
    const gaps: number[] = []
    while (gaps.length < 15) gaps.push(await refusedAgain(gate, clock))
    expect(gaps).toEqual([1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 60, 60, 60, 60])
    gate.clear()
    fail(gate, DENIAL)
    expect(gate.pauseMs()).toBe(1000)
  })

  it('that were others once are looked at every second again when they stay the same', async () => {
    const { gate, clock } = await denied()
    turned.now = true
    const before = [await refusedAgain(gate, clock), await refusedAgain(gate, clock)]
    turned.now = false
    const after = [await refusedAgain(gate, clock), await refusedAgain(gate, clock)]
    expect([before, after]).toEqual([
      [1, 2],
      [2, 1],
    ])
  })

  it('are of no use in an outage, nor where it cannot be told whether they changed', async () => {
    const { gate, clock } = gateOf({ credentialChanged })
    fail(gate, throttled(MINUTE))
    await clock.advance(2000)
    expect(gate.admit()).toMatchObject({ code: 'server_unavailable' })

    const blind = gateOf()
    fail(blind.gate, DENIAL)
    await blind.clock.advance(1000)
    fail(blind.gate, DENIAL)
    await blind.clock.advance(1999)
    expect(blind.gate.admit()).toBe(DENIAL)
  })
})

describe('requests at the same time', () => {
  /** Begins this many requests. */
  function begin(gate: RequestGate, count: number, signal: AbortSignal = never) {
    const requests = Array.from({ length: count }, () => held())
    const admissions = requests.map(() => admitted(gate))
    const results = requests.map(({ work }, i) => gate.run(admissions[i] as Admission, signal, work))
    for (const result of results) result.catch(() => {})
    const running = () => requests.filter(({ started }) => started()).length
    return { requests, admissions, results, running }
  }

  it('are one until the first has succeeded, and then 32', async () => {
    const { gate, clock } = gateOf()
    const { requests, admissions, running } = begin(gate, 40)
    await clock.settle()
    expect(running()).toBe(1)
    gate.succeeded(admissions[0] as Admission)
    await clock.settle()
    requests[0]?.finish('token')
    await clock.settle()
    expect(running()).toBe(33)
  })

  it('are 32 at once where another process has shown that the credentials are good', async () => {
    const { gate, clock } = gateOf()
    fail(gate, DENIAL)
    await clock.advance(10)
    gate.succeededElsewhere(5)
    const { running } = begin(gate, 40)
    await clock.settle()
    expect(running()).toBe(32)
  })

  it('are one until the first has succeeded, whatever another process once had', async () => {
    const { gate, clock } = gateOf()
    gate.succeededElsewhere(60 * MINUTE)
    const { running } = begin(gate, 40)
    await clock.settle()
    expect(running()).toBe(1)
  })

  it('are one again after a denial, but not after an outage', async () => {
    const { gate, clock } = gateOf()
    gate.succeeded(admitted(gate))
    fail(gate, OUTAGE)
    gate.clear()
    const many = begin(gate, 3)
    await clock.settle()
    expect(many.running()).toBe(3)
    for (const { finish } of many.requests) finish('token')
    await clock.settle()
    fail(gate, DENIAL)
    gate.clear()
    const few = begin(gate, 3)
    await clock.settle()
    expect(few.running()).toBe(1)
  })

  it('that wait when a failure becomes known get it, and send nothing', async () => {
    const { gate, clock } = gateOf()
    const { requests, admissions, results, running } = begin(gate, 3)
    await clock.settle()
    gate.failed(OUTAGE, admissions[0] as Admission)
    requests[0]?.finish('token')
    await expect(results[1]).rejects.toBe(OUTAGE)
    await expect(results[2]).rejects.toBe(OUTAGE)
    expect(running()).toBe(1)
  })

  it('include no probe that waits behind others for the failure it was sent after', async () => {
    const { gate, clock } = gateOf()
    const { requests, admissions } = begin(gate, 1)
    await clock.settle()
    gate.failed(OUTAGE, admissions[0] as Admission)
    await clock.advance(500)
    const probe = gate.run(admitted(gate), never, () => Promise.resolve('probed'))
    requests[0]?.finish('token')
    await expect(probe).resolves.toBe('probed')
  })

  it('include no probe that had not begun when one that was sent before it failed', async () => {
    const { gate, clock } = gateOf()
    const [first, late] = [admitted(gate), admitted(gate)]
    gate.failed(OUTAGE, first)
    await clock.advance(500)
    const probe = admitted(gate)
    const busy = throttled(2000)
    gate.failed(busy, late)
    const { work, started } = held()
    await expect(gate.run(probe, never, work)).rejects.toBe(busy)
    expect(started()).toBe(false)
  })

  it('end with the reason of their signal, running or waiting, and are not begun after it', async () => {
    const { gate, clock } = gateOf()
    const abort = new AbortController()
    const { requests, results, running } = begin(gate, 2, abort.signal)
    await clock.settle()
    const reason = new Error('deadline')
    abort.abort(reason)
    await expect(results[0]).rejects.toBe(reason)
    await expect(results[1]).rejects.toBe(reason)
    requests[0]?.finish('token')
    await clock.settle()
    expect(running()).toBe(1)
  })

  it('may be 1,000 that wait, and the next is told why it may not', async () => {
    const { gate, clock } = gateOf()
    const { results } = begin(gate, 1002)
    await clock.settle()
    const error = await results[1001]?.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TokenError)
    expect(error).toMatchObject({
      code: 'too_many_requests',
      client: 'orders',
      message: expect.stringContaining('1000 token requests of client "orders" wait for their turn already.'),
      hint: expect.stringContaining('Is a scope or parameter different for every call?'),
      retryable: true,
    })
    expect(await Promise.race([results[1000], Promise.resolve('still waits')])).toBe('still waits')
  })

  it('are 500 beside which what nobody waits for is put off, and their leave given back makes room again', () => {
    const { gate } = gateOf()
    const leaves = Array.from({ length: 500 }, () => admitted(gate))
    const refusal = gate.admitInBackground({ refresh: true })
    expect(refusal).toMatchObject({ code: 'too_many_requests', retryable: true })
    expect((refusal as TokenError).message).toContain('500 token requests of client "orders"')
    expect(gate.admitInBackground({ refresh: true })).toBe(refusal)
    expect(gate.admitInBackground({ refresh: false })).toBe(refusal)
    expect(gate.admit()).toMatchObject({ probe: false })
    for (const leave of leaves.slice(0, 2)) gate.release(leave)
    expect(gate.admitInBackground({ refresh: true })).toMatchObject({ probe: false })
  })

  it('are at most 16 refreshes that nobody waits for', () => {
    const { gate } = gateOf()
    let begun = 0
    const refreshInBackground = () => {
      begun += 1
      return { promise: held().work() }
    }
    for (let key = 0; key < 100; key += 1) gate.refreshes.add({ dueInMs: () => 0, refreshInBackground })
    expect(begun).toBe(16)
  })

  it('leave room for what else is sent to the server, in turn', async () => {
    const { gate, clock } = gateOf()
    const { requests } = begin(gate, 1)
    const other = held()
    const result = gate.enqueue(other.work)
    await clock.settle()
    expect(other.started()).toBe(false)
    requests[0]?.finish('token')
    other.finish('revoked')
    expect(await result).toBe('revoked')
  })
})
