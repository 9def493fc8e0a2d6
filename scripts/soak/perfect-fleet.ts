import { lossesOf, prolonged, type Span, type Timeline, touches } from './timeline.ts'

const STEP_MS = 50
// A store that was not asked, or did not answer, because the machine was too busy, is left alone for 10 seconds at a time.
const STALL_MS = 11_000

interface Token {
  readonly requestedAt: number
  /** By how much a clock has made it older. */
  agedMs: number
}

/**
 * How many token requests of a client a perfect fleet would have made in the same run: one that knows when a store or a server is away,
 * asks nothing in vain, and never asks twice for what one token does.
 *
 * It needs a request
 *
 * - at each rotation: the fleet's token has reached the middle of the time at which a refresh falls due (two thirds of the
 *   lifetime, less half of the jitter, a twentieth of it);
 * - after each revocation, and after each burst of wrong rejections: a worker cannot tell the two apart;
 * - of every worker for itself, where the store is of no use or the machine keeps a process from running, or the worker's clock is wrong, so that it can neither read nor
 *   write what is shared; but only once its token may not be used any more, at nine tenths of the lifetime;
 * - for a worker that starts while the store has nothing for it, and for the first that has a new certificate and wants
 *   another token: until then each keeps the one that it has.
 *
 * Requests that met a fault, or the wish for another nonce, are counted apart: nobody can know of it before.
 */
export function perfectRequests(client: string, timeline: Timeline): number {
  const lifetimeMs = timeline.lifetimes[client] ?? 0
  const { from, to, lives, jumps, withoutTokens } = timeline
  const withoutStore = [...timeline.withoutStore, ...prolonged(timeline.stalls, STALL_MS)]
  const losses = lossesOf(client, timeline)
  const dueAfterMs = lifetimeMs * (2 / 3 - 1 / 20)
  const usedForMs = lifetimeMs * 0.9
  const endings = [...timeline.revocations, ...timeline.wrongRejections.map((span) => span.from)]
  const held = new Map<number, Token>()
  const skews = new Map(lives.map(({ id }) => [id, skewed(id, timeline)]))
  let stored: Token | undefined
  let requests = 0
  for (let now = from; now < to; now += STEP_MS) {
    const isNow = (at: number) => at >= now && at < now + STEP_MS
    const moment: Span = { from: now, to: now }
    if (losses.some(isNow)) stored = undefined
    if (endings.some(isNow)) {
      stored = undefined
      held.clear()
    }
    for (const { worker, at, byMs } of jumps) if (isNow(at) && byMs > 0) age(held, worker, byMs)
    const isOver = (token: Token | undefined, afterMs: number) =>
      token === undefined || now - token.requestedAt + token.agedMs >= afterMs
    for (const { id } of lives.filter((life) => life.from <= now && life.to > now)) {
      const shares = !touches(withoutStore, moment) && !touches(skews.get(id) ?? [], moment)
      if (!isOver(held.get(id), shares ? dueAfterMs : usedForMs)) continue
      if (shares && stored !== undefined && !isOver(stored, dueAfterMs)) {
        held.set(id, { ...stored })
        continue
      }
      if (touches(withoutTokens, moment)) continue
      requests += 1
      const token = { requestedAt: now, agedMs: 0 }
      held.set(id, token)
      if (shares) stored = { ...token }
    }
  }
  return requests
}

function age(held: ReadonlyMap<number, Token>, worker: number, byMs: number): void {
  const token = held.get(worker)
  if (token !== undefined) token.agedMs += byMs
}

/** When a worker's clock was not as it should be. */
function skewed(worker: number, { jumps, to }: Timeline): Span[] {
  const spans: Span[] = []
  let since: number | undefined
  let skewMs = 0
  for (const { at, byMs } of jumps.filter((jump) => jump.worker === worker)) {
    skewMs += byMs
    if (skewMs !== 0) since ??= at
    else if (since !== undefined) {
      spans.push({ from: since, to: at })
      since = undefined
    }
  }
  return since === undefined ? spans : [...spans, { from: since, to }]
}
