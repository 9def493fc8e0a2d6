import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import type { AxiosError } from 'axios'
import type { HeaderRecord } from './authorization-header.ts'
import { PASSAGE, type PassageConfig } from './axios-passage.ts'

/**
 * Makes an API's error safe to log: the header that we wrote is taken off its config; the request objects, which hold
 * the header as it was sent, no longer show when the error is printed; nor do the insides of agents and streams, which
 * lead to such objects. Everything stays where it is, so that retrying and the caller's own code go on working.
 * Errors that did not pass us are left alone.
 */
export function hideToken(error: unknown): unknown {
  // Some versions of axios wrap an error of their own in another.
  let each = error
  for (let depth = 0; depth < MOST_CAUSES && typeof each === 'object' && each !== null; depth++) {
    hideIn(each as AxiosError)
    each = (each as AxiosError).cause
  }
  return error
}

const MOST_CAUSES = 10

function hideIn(error: AxiosError): void {
  const { config, response } = error
  const configs = [config, response?.config].filter(
    (one): one is PassageConfig => one?.[PASSAGE as never] !== undefined,
  )
  if (configs.length === 0) return
  for (const one of configs) {
    one[PASSAGE]?.removeFrom(one.headers as HeaderRecord)
    showByName(one)
  }
  for (const holder of [error, response]) {
    if (holder && 'request' in holder) Object.defineProperty(holder, 'request', { enumerable: false })
  }
  if (response) showByName(response)
}

// An agent leads to its sockets, a stream to its socket or to what it is piped into, and those to the requests that are
// under way, each with its header. Both are printed by the name of their class only; enumerable and usable they remain.
function showByName(holder: object): void {
  if (!Object.values(holder).some((value) => value instanceof EventEmitter)) return
  const shown = () => {
    const entries = Object.entries(holder)
    return Object.fromEntries(
      entries.map(([name, value]) => [name, value instanceof EventEmitter ? `[${value.constructor.name}]` : value]),
    )
  }
  Object.defineProperties(holder, {
    toJSON: { value: shown, configurable: true, writable: true },
    [inspect.custom]: { value: shown, configurable: true, writable: true },
  })
}
