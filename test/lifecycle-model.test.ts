import { expect, it } from 'vitest'
import { fc } from './support/fast-check.ts'
import { anyStep, runAgainstModel } from './support/model.ts'

// `npm run test:deep` asks for millions.
const SEED = Number(process.env.EVERTOKEN_TEST_SEED ?? 20_260_101)
const STEPS = Number(process.env.EVERTOKEN_TEST_MODEL_STEPS ?? 100_000)

it(
  `in ${STEPS} random steps nobody gets a wrong or expired token, no key has two requests at once, and everyone is answered`,
  async () => {
    let taken = 0
    let requests = 0
    const someSteps = fc.array(anyStep, { minLength: 1, maxLength: 250, size: 'max' })
    const run = fc.asyncProperty(someSteps, fc.nat(), async (steps, seed) => {
      requests += await runAgainstModel(steps, seed)
      taken += steps.length
    })
    for (let round = 0; taken < STEPS; round++) await fc.assert(run, { numRuns: 100, seed: SEED + round })
    // The steps must come to something.
    expect(requests / taken).toBeGreaterThan(0.05)
  },
  300_000 + STEPS / 2,
)
