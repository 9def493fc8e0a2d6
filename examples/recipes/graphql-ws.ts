import { setTimeout as sleep } from 'node:timers/promises'
import type { AccessToken } from 'evertoken'
import { CloseCode, createClient } from 'graphql-ws'
import { apiOrigin, tokens } from './orders-service.ts'

const source = tokens.source()
let presented: AccessToken | undefined

const api = createClient({
  url: `${apiOrigin.replace(/^http/, 'ws')}/graphql`,
  // Asked for at every connect, and so with another token after a rotation; one that lasts for 10 more minutes.
  connectionParams: async () => {
    presented = await source.getToken({ minValidityMs: 10 * 60_000 })
    return { authorization: `Bearer ${presented.reveal()}` }
  },
  on: {
    // The token was rejected: the next attempt brings another.
    closed: (event) => {
      if ((event as CloseEvent).code === CloseCode.Forbidden && presented) source.invalidate(presented)
    },
  },
  retryWait: (retries) => sleep(Math.min(100 * 2 ** retries, 30_000)),
})

for await (const { data } of api.iterate({ query: 'subscription { placed { item } }' })) console.log(data)
