import { Flight } from '../src/single-flight.ts'
import type { Comparison, Group, Variant, Work } from './harness.ts'

type Wait = (shared: Flight<number>, caller: number) => Promise<number>

/** Herds of callers, each of which waits for one promise. */
function herds(size: number, waitFor: (work: Promise<number>) => (caller: number) => Promise<number>): Work {
  const herd = async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const wait = waitFor(promise)
    const callers = Array.from({ length: size }, async (_, caller) => await wait(caller))
    resolve(1)
    await Promise.all(callers)
  }
  return {
    least: size,
    run: async (times) => {
      for (let left = times; left > 0; left -= size) await herd()
    },
  }
}

const signals = Array.from({ length: 100_000 }, () => new AbortController().signal)

function ours(name: string, size: number, bound: number, wait: Wait): Variant {
  const prepare = () =>
    herds(size, (work) => {
      const flight = new Flight(() => work)
      return (caller) => wait(flight, caller)
    })
  return { name, role: 'ours', bound, prepare }
}

function waiters(size: number): Comparison {
  return {
    name: `core-waiters-${size}`,
    title: `${size.toLocaleString('en')} callers of one token request`,
    about: 'For each caller, against as many that wait for a bare promise.',
    variants: [
      { name: 'a bare promise', role: 'floor', prepare: () => herds(size, (work) => () => work) },
      ours('no signal', size, 2.5, (flight) => flight.wait()),
      ours('each its own signal', size, 60, (flight, caller) => flight.wait(signals[caller])),
      ours('all the same signal', size, 8, (flight) => flight.wait(signals[0])),
    ],
  }
}

export const group: Group = { title: 'Many callers', rows: [waiters(1000), waiters(10_000), waiters(100_000)] }
