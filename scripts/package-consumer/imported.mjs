import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { startServer } from './server.cjs'

const require = createRequire(import.meta.url)
for (const entryPoint of Object.keys(require('evertoken/package.json').exports)) {
  const name = entryPoint.replace('.', 'evertoken')
  if (!name.endsWith('.json')) assert.equal(require(name), await import(name), `${name} is loaded twice`)
}

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
