import type { BatchObservableCallback, Meter } from '@opentelemetry/api'
import type { TokenManager } from '../token-manager.ts'
import { CLIENT, inSnakeCase, seconds } from './attributes.ts'
import { type ClientNames, OTHER } from './client-names.ts'

/** Shows what a manager has at the moment, whenever it is asked for. @returns what ends it */
export function showGauges(manager: TokenManager<string>, meter: Meter, names: ClientNames): () => void {
  const gauges = {
    tokens: meter.createObservableUpDownCounter('evertoken.cache.tokens', {
      description: 'Tokens that the process knows of, by where they stand.',
      unit: '{token}',
    }),
    waiters: meter.createObservableUpDownCounter('evertoken.token.waiters', {
      description: 'Callers that wait for a token.',
      unit: '{caller}',
    }),
    expiry: meter.createObservableGauge('evertoken.credential.remaining_lifetime', {
      description: 'How long what the client authenticates with is still valid.',
      unit: 's',
    }),
    suspended: meter.createObservableGauge('evertoken.store.suspended', {
      description: 'Whether the store is left alone after several failures: 1, else 0.',
      unit: '1',
    }),
  }
  const { expiries, end } = credentialExpiries(manager, names)
  const observe: BatchObservableCallback = (result) => {
    for (const [client, { now, waiters, states }] of tally(manager, names)) {
      const about = { [CLIENT]: client }
      result.observe(gauges.waiters, waiters, about)
      for (const [state, count] of states)
        result.observe(gauges.tokens, count, { ...about, 'evertoken.token.state': state })
      for (const [what, expiresAt] of expiries.get(client) ?? [])
        result.observe(gauges.expiry, seconds(expiresAt - now), { ...about, 'evertoken.credential.type': what })
    }
    const isSuspended = manager.isStoreSuspended()
    if (isSuspended !== undefined) result.observe(gauges.suspended, isSuspended ? 1 : 0)
  }
  meter.addBatchObservableCallback(observe, Object.values(gauges))
  return () => {
    meter.removeBatchObservableCallback(observe, Object.values(gauges))
    end()
  }
}

interface ClientTally {
  now: number
  waiters: number
  readonly states: Map<string, number>
}

function tally(manager: TokenManager<string>, names: ClientNames): Map<string, ClientTally> {
  const clients = new Map<string, ClientTally>()
  for (const source of manager.allSources()) {
    const client = names.of(source.client)
    const known = clients.get(client) ?? { now: 0, waiters: 0, states: new Map() }
    const state = inSnakeCase(source.state())
    known.now = source.now()
    known.waiters += source.waiters()
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
