import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { createTokenFetch } from 'evertoken/fetch'
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
const response = await createTokenFetch(tokens, { origins: [origin] })(`${origin}/orders`)
const fetched = await response.json()
await close()

assert.deepEqual([data, fetched], [{ authorization: 'Bearer a-token' }, { authorization: 'Bearer a-token' }])
