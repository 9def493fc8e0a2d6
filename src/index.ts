export type { AccessToken } from './access-token.ts'
export type { AuthorizationDetail } from './authorization-details.ts'
export type { AxiosLike } from './axios-route.ts'
export type { CertificatePair } from './certificate-and-key.ts'
export type { SigningOptions } from './client-authentication/assertion-signer.ts'
export type { AssertionOptions } from './client-authentication/client-assertion.ts'
export type {
  ClientAuthentication,
  ClientSecret,
  CredentialExpiry,
  TokenRequestDraft,
} from './client-authentication/client-authentication.ts'
export {
  type BasicEncoding,
  type ClientSecretMethod,
  clientSecretBasic,
  clientSecretPost,
} from './client-authentication/client-secret.ts'
export { clientSecretJwt } from './client-authentication/client-secret-jwt.ts'
export { secretFromFile } from './client-authentication/mounted-file.ts'
export { none } from './client-authentication/none.ts'
export { type PrivateKeyJwtOptions, privateKeyJwt } from './client-authentication/private-key-jwt.ts'
export { selfSignedTlsClientAuth, tlsClientAuth } from './client-authentication/tls-client-auth.ts'
export { type WorkloadIdentityOptions, workloadIdentity } from './client-authentication/workload-identity.ts'
export {
  type CertificateFiles,
  type ClientCertificate,
  clientCertificate,
  clientCertificateFromFiles,
} from './client-certificate.ts'
export type { ClientOptions } from './client-options.ts'
export { type Clock, systemClock } from './clock.ts'
export type { DpopOptions } from './dpop.ts'
export { TokenError, type TokenErrorCode, TokenResponseError, TokenTransportError } from './errors.ts'
export type { RequestReason, TokenEvent, TokenEventListener, TokenEvents } from './events.ts'
export type { GetTokenOptions } from './get-token-options.ts'
export { clientCredentials } from './grant/client-credentials.ts'
export type { Grant } from './grant/grant.ts'
export { type JwtBearerClaims, type JwtBearerOptions, jwtBearer } from './grant/jwt-bearer.ts'
export { type TokenExchangeOptions, tokenExchange } from './grant/token-exchange.ts'
export type { SigningAlgorithm } from './jws.ts'
export type { TokenLogger } from './logger.ts'
export type {
  OutgoingTokenRequest,
  PartnerHooks,
  ReceivedToken,
  TokenEndpointResponse,
  TokenRequestChanges,
  TokenRequestDescription,
} from './partner-hooks.ts'
export type { SigningKeyInput } from './private-key.ts'
export { type EncryptionKey, StoreEncryption, type StoreEncryptionOptions } from './store/encryption.ts'
export type {
  Lease,
  LeaseAnswer,
  LeaseRequest,
  NewRecord,
  SetOptions,
  StoredRecord,
  TokenStore,
} from './store/token-store.ts'
export {
  TokenManager,
  type TokenManagerOptions,
  type TokenManagerSettings,
  type TokenRequest,
  type TokenRequestArguments,
  type TokenSelection,
  type TokenSelectionArguments,
} from './token-manager.ts'
export type { TokenParameterOptions } from './token-parameters.ts'
export type { TokenResponseDeviation } from './token-response.ts'
export type { TokenSource } from './token-source.ts'
export type { TokenSourceInspection } from './token-source-inspection.ts'
export type { FetchLike } from './transport.ts'
