import type { Span } from './timeline.ts'

const LOOK_EVERY_MS = 100
const LONGEST_MS = 400

/** Tells of each time that the machine kept this process from running, until the function that is returned is called. */
export function watchStalls(tell: (stall: Span) => void): () => void {
  let from = Date.now()
  const timer = setInterval(() => {
    const to = Date.now()
    if (to - from > LONGEST_MS) tell({ from, to })
    from = to
  }, LOOK_EVERY_MS)
  return () => clearInterval(timer)
}
