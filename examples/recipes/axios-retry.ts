import axios from 'axios'
import axiosRetry from 'axios-retry'
import { attachTokenManager } from 'evertoken/axios'
import { apiOrigin, tokens } from './orders-service.ts'

export const api = axios.create({ baseURL: apiOrigin })
attachTokenManager(api, tokens) // another token, and once more, when one is rejected
axiosRetry(api, { retries: 3 }) // everything else, with the token that is current at each retry

const { data: orders } = await api.get('/orders')
console.log(orders)
