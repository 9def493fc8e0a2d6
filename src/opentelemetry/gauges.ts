import type { BatchObservableCallback, Meter } from '@opentelemetry/api'
import type { TokenManager } from '../token-manager.ts'
import { CLIENT, inSnakeCase, seconds } from './attributes.ts'
import { type ClientNames, OTHER } from './client-names.ts'
import type { Instruments } from './instruments.ts'

/** Shows what a manager has at the moment, whenever it is asked for. @returns what ends it */
export function showGauges(
  manager: TokenManager<string>,
  meter: Meter,
  { tokens, waiters, expiry, suspended }: Instruments,
  names: ClientNames,
): () => void {
  const gauges = [tokens, waiters, expiry, suspended]
  const { expiries, end } = credentialExpiries(manager, names)
  const observe: BatchObservableCallback = (result) => {
    for (const [client, { now, waiting, states }] of tally(manager, names)) {
      const about = { [CLIENT]: client }
      result.observe(waiters, waiting, about)
      for (const [state, count] of states) result.observe(tokens, count, { ...about, 'evertoken.token.state': state })
      for (const [what, expiresAt] of expiries.get(client) ?? [])
        result.observe(expiry, seconds(expiresAt - now), { ...about, 'evertoken.credential.type': what })
    }
    const isSuspended = manager.isStoreSuspended()
    if (isSuspended !== undefined) result.observe(suspended, isSuspended ? 1 : 0)
  }
  meter.addBatchObservableCallback(observe, gauges)
  return () => {
    meter.removeBatchObservableCallback(observe, gauges)
    end()
  }
}

interface ClientTally {
  now: number
  waiting: number
  readonly states: Map<string, number>
}

function tally(manager: TokenManager<string>, names: ClientNames): Map<string, ClientTally> {
  const clients = new Map<string, ClientTally>()
  for (const source of manager.allSources()) {
    const client = names.of(source.client)
    const known = clients.get(client) ?? { now: 0, waiting: 0, states: new Map() }
    const state = inSnakeCase(source.state())
    known.now = source.now()
    known.waiting += source.waiters()
    known.states.set(state, (known.states.get(state) ?? 0) + 1)
    clients.set(client, known)
  }
  return clients
}

// By client, then by what it is that expires. Of clients that are not told apart there is none to name.
function credentialExpiries(manager: TokenManager<string>, names: ClientNames) {
  const expiries = new Map<string, Map<string, number>>()
  const end = manager.on('credentialUsed', ({ client, what, expiresAt }) => {
    const name = names.of(client)
    if (name !== OTHER) expiries.set(name, new Map(expiries.get(name)).set(what, expiresAt))
  })
  return { expiries, end }
}
