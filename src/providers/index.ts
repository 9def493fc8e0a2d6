export { type AmazonCognitoOptions, amazonCognito } from './amazon-cognito.ts'
export { type Auth0Options, auth0 } from './auth0.ts'
export {
  type GoogleServiceAccountKey,
  type GoogleServiceAccountOptions,
  googleServiceAccount,
} from './google-service-account.ts'
export { type KeycloakOptions, keycloak } from './keycloak.ts'
export { type MicrosoftEntraOptions, microsoftEntra } from './microsoft-entra.ts'
export { type OktaOptions, okta } from './okta.ts'
export { type SalesforceOptions, salesforce } from './salesforce.ts'
