const axios = require('axios')
const { TokenManager, TokenError } = require('evertoken')
const { attachTokenManager } = require('evertoken/axios')
const { startServer } = require('./server.cjs')

let server
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const managerFor = (path) =>
  new TokenManager({
    tokenEndpoint: server.origin + path,
    clientId: 'orders',
    clientSecret: 'secret',
    allowInsecureLoopback: true,
  })

test('a request carries a token', async () => {
  const api = axios.create({ baseURL: server.origin })
  attachTokenManager(api, managerFor('/token'))
  const { data } = await api.get('/orders')
  expect(data).toEqual({ authorization: 'Bearer a-token' })
})

test('an error is recognised', async () => {
  await expect(managerFor('/nothing').getToken()).rejects.toBeInstanceOf(TokenError)
})
