import { TokenManager, workloadIdentity } from 'evertoken'

const file = process.env.WORKLOAD_TOKEN_FILE ?? '/var/run/secrets/tokens/evertoken'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientAuthentication: workloadIdentity({ file }),
})

await tokens.getToken()
