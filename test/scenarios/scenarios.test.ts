import { describe, it } from 'vitest'
import { runScenario, scenarios } from '../../src/testing/index.ts'

describe.each(Object.entries(scenarios))('%s', (_topic, of) => {
  it.each(of)('$name', (scenario) => runScenario(scenario))
})
