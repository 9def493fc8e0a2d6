import { runScenario, scenarios } from 'evertoken/testing'
import { describe, it } from 'vitest'

describe.each(Object.entries(scenarios))('%s', (_topic, of) => {
  it.each(of)('$name', (scenario) => runScenario(scenario))
})
