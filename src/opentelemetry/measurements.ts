import type { StoreOutcome } from '../events.ts'
import type { TokenManager } from '../token-manager.ts'
import { CLIENT, ERROR_TYPE, inSnakeCase, seconds } from './attributes.ts'
import type { ClientNames } from './client-names.ts'
import { errorType } from './error-type.ts'
import type { Instruments } from './instruments.ts'

/** Counts and measures what the events of a manager tell. @returns what ends it */
export function measureEvents(manager: TokenManager<string>, instruments: Instruments, names: ClientNames): () => void {
  const ends = [
    ...measureCalls(manager, instruments, names),
    ...measureTokens(manager, instruments, names),
    ...measureStore(manager, instruments),
  ]
  return () => {
    for (const end of ends) end()
  }
}

type Ends = readonly (() => void)[]

function measureCalls(manager: TokenManager<string>, instruments: Instruments, names: ClientNames): Ends {
  const { lookups, negativeHits, waits, remaining } = instruments
  return [
    manager.on('tokenUsed', ({ client, from, waitedMs, leftMs }) => {
      const about = { [CLIENT]: names.of(client) }
      lookups.add(1, { ...about, 'evertoken.cache.level': from === 'server' ? 'none' : from })
      remaining.record(Math.max(0, seconds(leftMs)), about)
      if (from !== 'process' || waitedMs > 0) waits.record(seconds(waitedMs), about)
    }),
    manager.on('tokenUnavailable', ({ client, error, waitedMs, remembered }) => {
      const about = { [CLIENT]: names.of(client), [ERROR_TYPE]: errorType(error) }
      lookups.add(1, { ...about, 'evertoken.cache.level': 'none' })
      if (remembered) negativeHits.add(1, about)
      else waits.record(seconds(waitedMs), about)
    }),
  ]
}

function measureTokens(manager: TokenManager<string>, instruments: Instruments, names: ClientNames): Ends {
  const { retries, rejections, replays, deviations } = instruments
  const rejected = (isReplacement: boolean) => (about: { readonly client: string }) =>
    rejections.add(1, { [CLIENT]: names.of(about.client), 'evertoken.token.is_replacement': isReplacement })
  const deviated = (client: string, deviation: string) =>
    deviations.add(1, { [CLIENT]: names.of(client), 'evertoken.token.response.deviation': inSnakeCase(deviation) })
  return [
    manager.on('tokenRequestRetried', ({ client, error }) =>
      retries.add(1, { [CLIENT]: names.of(client), [ERROR_TYPE]: errorType(error) }),
    ),
    manager.on('tokenRejected', rejected(false)),
    manager.on('freshTokenRejected', rejected(true)),
    manager.on('requestReplayed', ({ client }) => replays.add(1, { [CLIENT]: names.of(client) })),
    manager.on('responseDeviation', ({ client, deviation }) => deviated(client, deviation)),
    manager.on('scopeNarrowed', ({ client }) => deviated(client, 'scope_narrowed')),
  ]
}

function measureStore(manager: TokenManager<string>, { storeCalls, leases, unreadable }: Instruments): Ends {
  return [
    manager.on('storeCalled', ({ operation, outcome, durationMs, reason }) => {
      storeCalls.record(seconds(durationMs), {
        'evertoken.store.operation': inSnakeCase(operation),
        'evertoken.store.outcome': outcome,
        ...(reason !== undefined && { [ERROR_TYPE]: reason }),
      })
      const lease = leaseOutcome(operation, outcome)
      if (lease !== undefined) leases.add(1, { 'evertoken.lease.outcome': lease })
    }),
    manager.on('storeRecordUnreadable', ({ record }) => unreadable.add(1, { 'evertoken.store.record': record })),
  ]
}

/**
 * `granted` to this process; `busy`: another process has it; `needless`: the token is there already, or its failure;
 * `lost`: it lapsed before it was given back; `failed`: the store did not say.
 */
function leaseOutcome(operation: string, outcome: StoreOutcome): string | undefined {
  if (operation === 'renew') return outcome === 'refused' ? 'lost' : undefined
  if (operation !== 'getOrLease') return undefined
  if (outcome === 'lease') return 'granted'
  return outcome === 'token' || outcome === 'error' ? 'needless' : outcome
}
