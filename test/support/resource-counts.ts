import { createHook } from 'node:async_hooks'

/** What was made, and waited for, while something ran. */
export interface ResourceCounts {
  readonly promises: number
  /** Timers, immediates and ticks. */
  readonly timers: number
  /** Turns of the microtask queue. */
  readonly turns: number
}

const TIMERS = new Set(['Timeout', 'Immediate', 'TickObject'])

/**
 * Counts what a call makes until what it gives is settled. Exact if it comes to its end by microtasks alone, because
 * nothing else gets a turn meanwhile. Waiting for it takes a promise and a turn or two, which are counted too: compare
 * with another count.
 */
export async function countResources(call: () => unknown): Promise<ResourceCounts> {
  let [promises, timers, turns] = [0, 0, 0]
  let isRunning = true
  // Unlike `await`, takes its turns without promises.
  const countTurn = () => {
    if (!isRunning) return
    turns += 1
    queueMicrotask(countTurn)
  }
  const hook = createHook({
    init: (_, type) => {
      if (type === 'PROMISE') promises += 1
      else if (TIMERS.has(type)) timers += 1
    },
  }).enable()
  try {
    const under = call()
    queueMicrotask(countTurn)
    await under
    return { promises, timers, turns }
  } finally {
    isRunning = false
    hook.disable()
  }
}

/** How much more one call makes than another. */
export function difference(more: ResourceCounts, less: ResourceCounts): ResourceCounts {
  return {
    promises: more.promises - less.promises,
    timers: more.timers - less.timers,
    turns: more.turns - less.turns,
  }
}
