import { startApi, startAuthorizationServer } from 'evertoken/testing'

const server = await startAuthorizationServer({ clients: { 'orders-service': 'a-secret' } })
const api = await startApi({ server, respond: () => ({ body: [{ item: 4711 }] }) })

console.log(`export EVERTOKEN_ISSUER=${server.issuer}`)
console.log('export EVERTOKEN_CLIENT_ID=orders-service EVERTOKEN_CLIENT_SECRET=a-secret')
console.log(`export EVERTOKEN_API_URL=${api.origin} EVERTOKEN_ALLOW_INSECURE_LOOPBACK=true`)
