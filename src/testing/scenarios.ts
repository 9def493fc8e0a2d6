import type { Scenario } from './scenario.ts'
import callers from './scenarios/callers.json' with { type: 'json' }
import clocks from './scenarios/clocks.json' with { type: 'json' }
import denial from './scenarios/denial.json' with { type: 'json' }
import ending from './scenarios/ending.json' with { type: 'json' }
import firstToken from './scenarios/first-token.json' with { type: 'json' }
import keys from './scenarios/keys.json' with { type: 'json' }
import lifetimes from './scenarios/lifetimes.json' with { type: 'json' }
import outage from './scenarios/outage.json' with { type: 'json' }
import refresh from './scenarios/refresh.json' with { type: 'json' }
import rejection from './scenarios/rejection.json' with { type: 'json' }

// What TypeScript makes of JSON is neither exact about words nor about which members there are: reading checks them.
const read = (topic: unknown) => topic as readonly Scenario[]

/** The specification of the token lifecycle, by topic. */
export const scenarios: Readonly<Record<string, readonly Scenario[]>> = {
  'first token': read(firstToken),
  lifetimes: read(lifetimes),
  refresh: read(refresh),
  outage: read(outage),
  denial: read(denial),
  rejection: read(rejection),
  callers: read(callers),
  clocks: read(clocks),
  keys: read(keys),
  ending: read(ending),
}
