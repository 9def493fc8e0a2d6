import { setTimeout as wait } from 'node:timers/promises'

/** Resolves after `ms`. @throws the signal's reason when it aborts first */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await wait(Math.max(0, ms), undefined, { signal })
}
