import { readFileSync } from 'node:fs'
import { jwtBearer, none, TokenManager } from 'evertoken'

const certificates = process.env.CERTIFICATES ?? '/etc/ssl/orders'

const serviceAccount = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'reports@accounts.example.com',
  clientAuthentication: none(), // the assertion says who asks
  grant: jwtBearer({
    key: readFileSync(`${certificates}/client.key`),
    keyId: 'reports-2026',
    subject: 'alice@example.com', // default: the account itself
    scopeInClaims: true,
  }),
  scope: 'reports.read',
})
await serviceAccount.getToken()

const onBehalfOf = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  grant: jwtBearer(), // without a key: the `subjectToken` of each call
  parameters: { requested_token_use: 'on_behalf_of' }, // for Microsoft Entra
  scope: 'https://graph.example.com/.default',
})
await onBehalfOf.getToken({ subjectToken: 'the-token-of-alice' })
