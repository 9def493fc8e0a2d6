import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const { ORIGIN } = process.env
const tokens = new TokenManager({
  tokenEndpoint: `${ORIGIN}/token`,
  clientId: 'orders',
  clientSecret: 'secret',
  allowInsecureLoopback: true,
})
const api = axios.create({ baseURL: ORIGIN })
attachTokenManager(api, tokens)

/** What a serverless platform calls. */
export const handler = async ({ path }) => {
  const { data } = await api.get(path)
  return { statusCode: 200, body: data }
}
