export { MemoryTokenStore, type MemoryTokenStoreOptions, type StoreFault } from '../store/memory-store.ts'
export { leaseContract } from './lease-contract.ts'
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
export { type StoreContractCase, type StoreUnderTest, storeContract } from './store-contract.ts'
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
