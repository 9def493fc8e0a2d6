/**
 * The whole job, against real servers: `npm start`.
 *
 * By itself it starts an authorization server and an API on this machine, and shows what becomes of a service's
 * requests while tokens rotate and the authorization server is slow, down, and revokes a token.
 *
 * With EVERTOKEN_ISSUER or EVERTOKEN_TOKEN_ENDPOINT, EVERTOKEN_CLIENT_ID, EVERTOKEN_CLIENT_SECRET and perhaps
 * EVERTOKEN_SCOPE it asks that server for a token instead, and with EVERTOKEN_API_URL calls that API with it.
 */
import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { callApi, showToken } from './main-job/plain.ts'
import { FULL_PLAN, type Plan, rehearse } from './main-job/rehearsal.ts'
import type { Output } from './main-job/report.ts'

/** Runs the job and returns the exit code: 0 if everything it claims held. */
export async function main(env: NodeJS.ProcessEnv, out: Output, plan: Plan = FULL_PLAN): Promise<number> {
  try {
    if (env.EVERTOKEN_ISSUER || env.EVERTOKEN_TOKEN_ENDPOINT) {
      await useServerOf(env, out)
      return 0
    }
    const claims = await rehearse(out, plan)
    return claims.every((claim) => claim.held) ? 0 : 1
  } catch (error) {
    out.write(`${error instanceof Error ? error.message : 'failed'}\n`)
    return 1
  }
}

async function useServerOf(env: NodeJS.ProcessEnv, out: Output): Promise<void> {
  const tokens = new TokenManager({
    issuer: env.EVERTOKEN_ISSUER || undefined,
    tokenEndpoint: env.EVERTOKEN_TOKEN_ENDPOINT || undefined,
    clientId: env.EVERTOKEN_CLIENT_ID ?? '',
    clientSecret: env.EVERTOKEN_CLIENT_SECRET,
    scope: env.EVERTOKEN_SCOPE || undefined,
    allowInsecureLoopback: true,
  })
  await showToken(out, tokens)
  if (!env.EVERTOKEN_API_URL) return
  const api = axios.create({ baseURL: env.EVERTOKEN_API_URL })
  attachTokenManager(api, tokens)
  await callApi(out, api, '')
}

if (import.meta.main) process.exitCode = await main(process.env, process.stdout)
