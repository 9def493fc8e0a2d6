const axios = require('axios')
const { TokenManager } = require('evertoken')
const { attachTokenManager } = require('evertoken/axios')
const { startApi, startAuthorizationServer, stubTokenManager } = require('evertoken/testing')

let server
let api
beforeAll(async () => {
  server = await startAuthorizationServer()
  api = await startApi({ server, respond: () => ({ body: [4711] }) })
})
afterAll(async () => {
  await api.close()
  await server.close()
})

test('a request is let in', async () => {
  const client = axios.create({ baseURL: api.origin })
  attachTokenManager(client, new TokenManager(server.clientOptions()))

  expect((await client.get('/orders')).data).toEqual([4711])
})

test('no request is sent without a token', async () => {
  const client = axios.create({ baseURL: api.origin })
  attachTokenManager(client, stubTokenManager({ error: 'server_unavailable' }))
  const before = api.received

  await expect(client.get('/orders')).rejects.toMatchObject({ code: 'server_unavailable' })
  expect(api.received).toBe(before)
})
