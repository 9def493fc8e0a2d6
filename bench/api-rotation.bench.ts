import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import axios, { type AxiosInstance } from 'axios'
import { attachTokenManager } from '../src/http/axios.ts'
import { TokenManager } from '../src/index.ts'
import { HAND_WRITTEN_MARGIN_S, handWritten, type TokenAnswer, type TokenProvider } from './axios-variants.ts'
import { type Figure, type Group, type Pace, type Role, spreadOf } from './harness.ts'
import { startServer } from './server.ts'

// How long a token is used in a service that rotates, and how long the token endpoint takes.
const USED_S = 1
const DELAY_MS = 50
// For each of the two services of a pair. A rotation holds up 2.5% of the requests of a second, if it holds up any.
const PER_SECOND = 250
const SEGMENT_MS = 3000
const LEAD_MS = 500

interface Rotating {
  readonly name: string
  readonly role: Role
  readonly bound?: number
  /** Equips an instance whose tokens are replaced after about {@link USED_S}, or not at all. */
  readonly equip: (api: AxiosInstance, tokenEndpoint: string, rotates: boolean) => unknown
}

const rotating: readonly Rotating[] = [
  {
    name: 'evertoken',
    role: 'ours',
    bound: 1.05,
    equip: (api, endpoint, rotates) => {
      // Of two seconds a third is for the refresh.
      const tokenEndpoint = `${endpoint}&lifetime=${rotates ? 2 * USED_S : 3600}`
      const client = { tokenEndpoint, clientId: 'bench', clientSecret: 'not much', allowInsecureLoopback: true }
      attachTokenManager(api, new TokenManager({ ...client, proxy: false }))
    },
  },
  {
    name: 'a hand-written interceptor',
    role: 'peer',
    equip: (api, endpoint, rotates) => {
      handWritten(api, requester(`${endpoint}&lifetime=${rotates ? HAND_WRITTEN_MARGIN_S + USED_S : 3600}`))
    },
  },
  {
    name: 'axios-token-interceptor',
    role: 'peer',
    equip: (api, endpoint, rotates) => {
      const tokenProvider = createRequire(import.meta.url)('axios-token-interceptor') as TokenProvider
      const request = requester(`${endpoint}&lifetime=${rotates ? USED_S : 3600}`)
      const getToken = tokenProvider.tokenCache(request, { getMaxAge: (body) => body.expires_in * 1000 })
      const headerFormatter = (body: TokenAnswer) => `Bearer ${body.access_token}`
      api.interceptors.request.use(tokenProvider({ getToken, headerFormatter }) as never)
    },
  },
]

function requester(tokenEndpoint: string): () => Promise<TokenAnswer> {
  return async () => (await axios.post<TokenAnswer>(tokenEndpoint, '', { proxy: false })).data
}

type Service = () => Promise<unknown>

/** Sends to both in turn at a steady rate; gives the 99th percentile of each one's latencies in milliseconds. */
async function load(services: readonly [Service, Service], ms: number): Promise<readonly [number, number]> {
  const latencies: [number[], number[]] = [[], []]
  const sendings: Promise<void>[] = []
  const everyMs = 1000 / (2 * PER_SECOND)
  const start = performance.now()
  for (let sent = 0; sent * everyMs < ms; ) {
    while (sent * everyMs <= performance.now() - start) {
      const which = (sent % 2) as 0 | 1
      // From when it should have been sent: a service that is held up itself is not excused.
      const due = start + sent * everyMs
      sent += 1
      sendings.push(services[which]().then(() => void latencies[which].push(performance.now() - due)))
    }
    await sleep(1)
  }
  await Promise.all(sendings)
  return [p99(latencies[0]), p99(latencies[1])]
}

function p99(latencies: number[]): number {
  return latencies.sort((a, b) => a - b)[Math.ceil(latencies.length * 0.99) - 1] ?? Number.NaN
}

async function measure({ isQuick }: Pace): Promise<Figure[]> {
  const { given, close } = await startServer()
  const pairs = await Promise.all(
    rotating.map(async ({ equip }) => {
      const serviceOf = async (rotates: boolean): Promise<Service> => {
        const api = axios.create({ baseURL: given.url as string, proxy: false })
        await equip(api, `${given.url}/token?delay=${DELAY_MS}`, rotates)
        return () => api.get('/orders/17')
      }
      return [await serviceOf(false), await serviceOf(true)] as const
    }),
  )
  for (const pair of pairs) await load(pair, isQuick ? 500 : SEGMENT_MS)
  const ratios: number[][] = pairs.map(() => [])
  for (let segment = 0; segment < (isQuick ? 1 : 5); segment += 1) {
    for (const [i, pair] of pairs.entries()) {
      // Its tokens have expired while the others had their turn.
      await load(pair, LEAD_MS)
      const [steady, rotated] = await load(pair, SEGMENT_MS)
      ratios[i]?.push(rotated / steady)
    }
  }
  await close()
  return rotating.map(({ name, role, bound }, i) => ({
    ...{ name, role, unit: 'x', value: spreadOf(ratios[i] ?? []) },
    ...(bound && { bound }),
  }))
}

/** What a rotation costs those who send requests meanwhile. */
export const group: Group = {
  title: 'Rotation under load',
  rows: [
    {
      name: 'rotation-p99',
      title: '99th percentile of latency while tokens rotate',
      about: `Two services send ${PER_SECOND} requests a second each, in turn: the tokens of one are replaced every second or two by a
token endpoint that takes ${DELAY_MS} ms, those of the other are not. The ratio of their 99th percentiles over ${SEGMENT_MS / 1000} seconds.`,
      measure,
    },
  ],
}
