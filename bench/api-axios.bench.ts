import { Agent } from 'node:http'
import axios, { type AxiosAdapter, type AxiosInstance, type CreateAxiosDefaults } from 'axios'
import {
  AXIOS_AUTH_REFRESH,
  AXIOS_TOKEN_INTERCEPTOR,
  type AxiosVariant,
  EVERTOKEN,
  EVERTOKEN_HANDLES,
  EVERTOKEN_REQUESTS_ONLY,
  HAND_WRITTEN,
  MSAL_NODE,
  STATIC_HEADER,
} from './axios-variants.ts'
import { type Comparison, type Group, jobs, type Variant, type Work } from './harness.ts'
import { startServer } from './server.ts'

const stub: AxiosAdapter = async (config) => ({
  ...{ status: 200, statusText: 'OK', headers: {}, data: { id: 17 } },
  ...{ config, request: {} },
})

async function workOf({ equip }: AxiosVariant, defaults: CreateAxiosDefaults, concurrency: number): Promise<Work> {
  const api: AxiosInstance = axios.create({ ...defaults, proxy: false })
  const equipped = await equip(api)
  const request = typeof equipped === 'function' ? (equipped as () => Promise<unknown>) : () => api.get('/orders/17')
  await request()
  return jobs(concurrency, request)
}

function withoutNetwork(variant: AxiosVariant, bound?: number): Variant {
  const defaults = { baseURL: 'https://api.example.com', adapter: stub }
  return { ...variant, ...(bound && { bound }), prepare: () => workOf(variant, defaults, 1) }
}

function overLoopback(concurrency: number): Comparison {
  const httpAgent = () => new Agent({ keepAlive: true, maxSockets: concurrency })
  const variant = (one: AxiosVariant, bound?: number): Variant => ({
    ...one,
    ...(bound && { bound }),
    prepare: ({ url = '' }) => workOf(one, { baseURL: url, httpAgent: httpAgent() }, concurrency),
  })
  return {
    name: `axios-loopback-${concurrency}`,
    title: `axios over loopback, ${concurrency} at once`,
    about: 'The same requests to a server on this machine, in a process of its own, by connections that are kept.',
    apart: true,
    surroundings: startServer,
    variants: [
      variant(STATIC_HEADER),
      variant(EVERTOKEN, 1.02),
      variant(HAND_WRITTEN),
      variant(AXIOS_TOKEN_INTERCEPTOR),
      variant(AXIOS_AUTH_REFRESH),
    ],
  }
}

/** What a request by axios costs. */
export const group: Group = {
  title: 'Requests by axios',
  rows: [
    {
      name: 'axios-stub',
      title: 'axios without a network',
      about:
        '`api.get()` with the token cached and an adapter that answers at once: the CPU time of a request, all told.',
      apart: true,
      variants: [
        withoutNetwork(STATIC_HEADER),
        withoutNetwork(EVERTOKEN_REQUESTS_ONLY, 1),
        withoutNetwork(EVERTOKEN, 1.03),
        withoutNetwork(EVERTOKEN_HANDLES),
        withoutNetwork(HAND_WRITTEN),
        withoutNetwork(AXIOS_TOKEN_INTERCEPTOR),
        withoutNetwork(AXIOS_AUTH_REFRESH),
        withoutNetwork(MSAL_NODE),
      ],
    },
    overLoopback(1),
    overLoopback(32),
    overLoopback(256),
  ],
}
