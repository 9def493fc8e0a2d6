const assert = require('node:assert/strict')
const axios = require('axios')
const { TokenManager } = require('evertoken')
const { attachTokenManager } = require('evertoken/axios')
const { startServer } = require('./server.cjs')

async function main() {
  const { origin, close } = await startServer()
  const tokens = new TokenManager({
    tokenEndpoint: `${origin}/token`,
    clientId: 'orders',
    clientSecret: 'secret',
    allowInsecureLoopback: true,
  })
  const api = axios.create({ baseURL: origin })
  attachTokenManager(api, tokens)
  const { data } = await api.get('/orders')
  await close()
  assert.deepEqual(data, { authorization: 'Bearer a-token' })
}

main()
