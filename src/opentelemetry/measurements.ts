import type { Meter } from '@opentelemetry/api'
import type { StoreOutcome } from '../events.ts'
import type { TokenManager } from '../token-manager.ts'
import { CLIENT, DURATIONS_S, ERROR_TYPE, inSnakeCase, LIFETIMES_S, SHORT_DURATIONS_S, seconds } from './attributes.ts'
import type { ClientNames } from './client-names.ts'
import { errorType } from './error-type.ts'

/** Counts and measures what the events of a manager tell. @returns what ends it */
export function measureEvents(manager: TokenManager<string>, meter: Meter, names: ClientNames): () => void {
  const ends = [
    ...measureCalls(manager, meter, names),
    ...measureTokens(manager, meter, names),
    ...measureStore(manager, meter),
  ]
  return () => {
    for (const end of ends) end()
  }
}

function measureCalls(manager: TokenManager<string>, meter: Meter, names: ClientNames): (() => void)[] {
  const lookups = meter.createCounter('evertoken.cache.lookups', {
    description: 'Tokens that were asked for, by where they were: in the process, in the store, or nowhere.',
    unit: '{lookup}',
  })
  const negative = meter.createCounter('evertoken.negative_cache.hits', {
    description: 'Callers that got the failure of a token request a moment ago, without another request.',
    unit: '{lookup}',
  })
  const waits = meter.createHistogram('evertoken.token.wait.duration', {
    description: 'How long callers waited that found no usable token at hand.',
    unit: 's',
    advice: { explicitBucketBoundaries: DURATIONS_S },
  })
  const remaining = meter.createHistogram('evertoken.token.remaining_lifetime', {
    description: 'How long tokens were still valid when they were used.',
    unit: 's',
    advice: { explicitBucketBoundaries: LIFETIMES_S },
  })
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
      if (remembered) negative.add(1, about)
      else waits.record(seconds(waitedMs), about)
    }),
  ]
}

function measureTokens(manager: TokenManager<string>, meter: Meter, names: ClientNames): (() => void)[] {
  const retries = meter.createCounter('evertoken.token.request.retries', {
    description: 'Attempts at a token request that failed and were followed by another.',
    unit: '{attempt}',
  })
  const rejections = meter.createCounter('evertoken.token.rejections', {
    description: 'Tokens that an API refused, though they had not expired.',
    unit: '{token}',
  })
  const replays = meter.createCounter('evertoken.api.replays', {
    description: 'API requests that were sent once more, with another token.',
    unit: '{request}',
  })
  const deviations = meter.createCounter('evertoken.token.response.deviations', {
    description: 'Token responses that differ from RFC 6749, or grant less than was asked for.',
    unit: '{response}',
  })
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

function measureStore(manager: TokenManager<string>, meter: Meter): (() => void)[] {
  const calls = meter.createHistogram('evertoken.store.operation.duration', {
    description: 'How long calls of the shared store took.',
    unit: 's',
    advice: { explicitBucketBoundaries: SHORT_DURATIONS_S },
  })
  const leases = meter.createCounter('evertoken.store.leases', {
    description: 'What became of the right to request a token for the whole fleet.',
    unit: '{lease}',
  })
  const unreadable = meter.createCounter('evertoken.store.unreadable_records', {
    description: 'Records of the store that were tampered with, cut off, or written for another place.',
    unit: '{record}',
  })
  return [
    manager.on('storeCalled', ({ operation, outcome, durationMs, reason }) => {
      calls.record(seconds(durationMs), {
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
