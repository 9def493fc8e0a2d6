import axios from 'axios'
import { clientCertificateFromFiles, TokenManager, tlsClientAuth } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const folder = process.env.CERTIFICATES ?? '/etc/ssl/orders'

const certificate = clientCertificateFromFiles({ cert: `${folder}/client.pem`, key: `${folder}/client.key` })

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientAuthentication: tlsClientAuth(), // or any other method, beside the certificate
  certificate,
})

const api = axios.create({ baseURL: 'https://api.example.com', httpsAgent: certificate.httpsAgent() })
attachTokenManager(api, tokens)
await api.get('/orders')
