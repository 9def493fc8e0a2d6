import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { abortable, Flight } from '../src/single-flight.ts'
import { fc } from './support/fast-check.ts'

interface Outcome<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

function outcome<T>(): Outcome<T> {
  let settle!: Omit<Outcome<T>, 'promise'>
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...settle }
}

function flightOf<T>(): { flight: Flight<T>; work: Outcome<T> } {
  const work = outcome<T>()
  return { flight: new Flight(() => work.promise), work }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length
const GONE = new Error('gone')

describe('Flight', () => {
  it('does its work once, for a thousand callers, and gives those without a signal one promise', async () => {
    let runs = 0
    const work = outcome<string>()
    const flight = new Flight(() => {
      runs += 1
      return work.promise
    })
    const waits = Array.from({ length: 1000 }, () => flight.wait())
    expect(new Set(waits).size).toBe(1)
    expect(flight.waiters).toBe(1000)
    work.resolve('done')
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['done']))
    expect(runs).toBe(1)
  })

  it('gives every caller the same failure', async () => {
    const { flight, work } = flightOf()
    const { signal } = new AbortController()
    const waits = [flight.wait(), flight.wait(signal), flight.wait(), flight.promise]
    const reason = new Error('no')
    work.reject(reason)
    for (const wait of waits) await expect(wait).rejects.toBe(reason)
  })

  it('hands itself to its work, which can then see who waits', async () => {
    const { promise, resolve } = outcome<void>()
    const flight: Flight<number> = new Flight(async (self) => {
      await promise
      return self.waiters
    })
    const controller = new AbortController()
    const left = flight.wait(controller.signal)
    const stayed = flight.wait()
    controller.abort(GONE)
    await expect(left).rejects.toBe(GONE)
    resolve()
    expect(await stayed).toBe(1)
  })

  it.each([
    ['the first', [0]],
    ['one in the middle', [2]],
    ['the last', [4]],
    ['all but one', [0, 1, 2, 3]],
    ['all', [0, 1, 2, 3, 4]],
  ])('detaches only those who leave: %s', async (_who, leavers) => {
    const { flight, work } = flightOf<string>()
    const controllers = Array.from({ length: 5 }, () => new AbortController())
    const waits = controllers.map(({ signal }) => flight.wait(signal))
    for (const leaver of leavers) controllers[leaver]?.abort(GONE)
    const outcomes = Promise.allSettled(waits)
    expect(flight.waiters).toBe(5 - leavers.length)
    work.resolve('done')
    expect(await outcomes).toEqual(
      controllers.map((_, index) =>
        leavers.includes(index) ? { status: 'rejected', reason: GONE } : { status: 'fulfilled', value: 'done' },
      ),
    )
    expect(await flight.promise).toBe('done')
  })

  it('lets a caller go at once, not when the work ends', async () => {
    const { flight } = flightOf()
    const controller = new AbortController()
    const wait = flight.wait(controller.signal)
    controller.abort(GONE)
    await expect(wait).rejects.toBe(GONE)
  })

  it('lets all callers of one signal go together', async () => {
    const { flight, work } = flightOf<string>()
    const controller = new AbortController()
    const leaving = Array.from({ length: 100 }, () => flight.wait(controller.signal))
    const staying = flight.wait()
    controller.abort(GONE)
    for (const wait of leaving) await expect(wait).rejects.toBe(GONE)
    expect(flight.waiters).toBe(1)
    work.resolve('done')
    expect(await staying).toBe('done')
  })

  it('does not count a caller whose signal has aborted already, and rejects with its reason', async () => {
    const { flight } = flightOf()
    const signal = AbortSignal.abort(GONE)
    await expect(flight.wait(signal)).rejects.toBe(GONE)
    expect(flight.waiters).toBe(0)
    expect(listeners(signal)).toBe(0)
  })

  it('puts one listener on each distinct signal, however many callers share it', () => {
    const { flight } = flightOf()
    const [shared, other] = [new AbortController(), new AbortController()]
    for (let caller = 0; caller < 1000; caller++) void flight.wait(shared.signal)
    void flight.wait(other.signal)
    expect(listeners(shared.signal)).toBe(1)
    expect(listeners(other.signal)).toBe(1)
  })

  it.each(['resolve', 'reject'] as const)('takes its listeners off when the work ends: %s', async (end) => {
    const { flight, work } = flightOf()
    const controllers = Array.from({ length: 3 }, () => new AbortController())
    const waits = Promise.allSettled(controllers.map(({ signal }) => flight.wait(signal)))
    expect(controllers.map(({ signal }) => listeners(signal))).toEqual([1, 1, 1])
    work[end](GONE)
    await waits
    expect(controllers.map(({ signal }) => listeners(signal))).toEqual([0, 0, 0])
  })

  it('lets go of the signals of its callers when the work ends, though somebody keeps it', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const { flight, work } = flightOf<string>()
    const signal = new WeakRef(new AbortController().signal)
    const wait = () => flight.wait(signal.deref()).then(() => {})
    const waiting = wait()
    work.resolve('done')
    await waiting
    for (let turns = 0; turns < 4; turns += 1) {
      await turn()
      collect()
    }
    expect(signal.deref()).toBeUndefined()
    expect(flight.waiters).toBe(1)
  })

  it('puts no listener on the signal of a caller who comes when the work has ended', async () => {
    const { flight, work } = flightOf<string>()
    work.resolve('done')
    await flight.promise
    const { signal } = new AbortController()
    expect(await flight.wait(signal)).toBe('done')
    expect(listeners(signal)).toBe(0)
    await expect(flight.wait(AbortSignal.abort(GONE))).rejects.toBe(GONE)
  })

  it('is no unhandled rejection when it fails and nobody waits', async () => {
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    try {
      const { work } = flightOf()
      const left = flightOf()
      const controller = new AbortController()
      left.flight.wait(controller.signal).catch(() => {})
      controller.abort(GONE)
      work.reject(new Error('nobody listens'))
      left.work.reject(new Error('nobody listens any more'))
      await turn()
      await turn()
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', onUnhandled)
    }
  })

  it('settles every caller as promised, in whatever order callers come and go', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('wait'), signal: fc.option(fc.nat({ max: 3 }), { nil: -1 }) }),
      fc.record({ kind: fc.constant('abort'), signal: fc.nat({ max: 3 }) }),
      fc.record({ kind: fc.constant('turn'), signal: fc.constant(-1) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat({ max: 25 }), async (steps, endAfter) => {
        const { flight, work } = flightOf<string>()
        const controllers = Array.from({ length: 4 }, () => new AbortController())
        const callers: {
          signal: AbortSignal | undefined
          promise: Promise<string>
          ends: 'fulfilled' | 'rejected' | undefined
        }[] = []
        const end = async () => {
          work.resolve('done')
          await flight.promise
          for (const caller of callers) caller.ends ??= 'fulfilled'
        }
        for (const [index, { kind, signal: which }] of steps.entries()) {
          if (index === endAfter) await end()
          const controller = controllers[which]
          const signal = controller?.signal
          if (kind === 'turn') await turn()
          else if (kind === 'abort') {
            controller?.abort(GONE)
            for (const caller of callers) if (caller.signal === signal) caller.ends ??= 'rejected'
          } else {
            const ends = signal?.aborted ? 'rejected' : index >= endAfter ? 'fulfilled' : undefined
            const promise = flight.wait(signal)
            promise.catch(() => {})
            callers.push({ signal, promise, ends })
          }
          expect(flight.waiters).toBe(callers.filter((caller) => caller.ends !== 'rejected').length)
        }
        await end()
        const outcomes = await Promise.allSettled(callers.map(({ promise }) => promise))
        expect(outcomes.map(({ status }) => status)).toEqual(callers.map(({ ends }) => ends))
        expect(controllers.map(({ signal }) => listeners(signal))).toEqual([0, 0, 0, 0])
      }),
    )
  })
})

describe('abortable', () => {
  it('comes to what the work comes to, and leaves no listener behind', async () => {
    const { signal } = new AbortController()
    await expect(abortable(signal, () => Promise.resolve('done'))).resolves.toBe('done')
    await expect(abortable(signal, () => Promise.reject(GONE))).rejects.toBe(GONE)
    expect(listeners(signal)).toBe(0)
  })

  it('ends with the reason of the signal, whatever the work does then', async () => {
    const controller = new AbortController()
    const work = outcome<string>()
    const result = abortable(controller.signal, () => work.promise)
    controller.abort(GONE)
    await expect(result).rejects.toBe(GONE)
    work.reject(new Error('too late to be heard'))
    await turn()
  })
})
