export { MemoryTokenStore, type MemoryTokenStoreOptions, type StoreFault } from '../store/memory-store.ts'
export type { Fault, FaultKind, FaultSource, OAuthError } from './fault.ts'
export type { IssuedToken, TokenGrant } from './issued-tokens.ts'
export { leaseContract } from './lease-contract.ts'
export { type RandomFaultOptions, randomFaults } from './random-faults.ts'
export type { ReceivedRequest, ServerEndpoint } from './received-request.ts'
export type { TestClient, TestClientMethod } from './registered-clients.ts'
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
export type { ScriptedServer, ScriptedServerOptions } from './scripted-server.ts'
export { type StoreContractCase, type StoreUnderTest, storeContract } from './store-contract.ts'
export {
  type StubTokenAnswer,
  type StubTokenManager,
  type StubTokenManagerOptions,
  type StubTokenRequest,
  stubTokenManager,
} from './stub-token-manager.ts'
export { startApi, type TestApi, type TestApiAnswer, type TestApiOptions, type TestApiRefusal } from './test-api.ts'
export { type CertificateRequest, TestAuthority, type TestCertificate } from './test-authority.ts'
export {
  startAuthorizationServer,
  type TestAuthorizationServer,
  type TestAuthorizationServerOptions,
  type TestClientOptions,
  type TokenOrder,
} from './test-authorization-server.ts'
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
