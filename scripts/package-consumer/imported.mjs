import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { startServer } from './server.cjs'

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
assert.equal(createRequire(import.meta.url)('evertoken').TokenManager, TokenManager, 'two copies of the package')
