export { runScenario, type ScenarioManager } from './run-scenario.ts'
export type {
  Scenario,
  ScenarioAnswer,
  ScenarioCall,
  ScenarioCount,
  ScenarioDuration,
  ScenarioExpectation,
  ScenarioOutcome,
  ScenarioStep,
  ScenarioTarget,
} from './scenario.ts'
export { scenarios } from './scenarios.ts'
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
