import {
  bearerTokenAuthenticationPolicy,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  type HttpClient,
  type PipelinePolicy,
} from '@azure/core-rest-pipeline'
import { type Group, jobs, type Work } from './harness.ts'
import { tokenText } from './tokens.ts'

const stub: HttpClient = {
  sendRequest: async (request) => ({ request, status: 200, headers: createHttpHeaders(), bodyAsText: '{}' }),
}

function workOf(policy: PipelinePolicy): Work {
  const pipeline = createEmptyPipeline()
  pipeline.addPolicy(policy)
  const send = () => pipeline.sendRequest(stub, createPipelineRequest({ url: 'https://api.example.com/orders/17' }))
  return jobs(1, send)
}

function staticHeader(): Work {
  const authorization = `Bearer ${tokenText()}`
  return workOf({
    name: 'static header',
    sendRequest: (request, next) => {
      request.headers.set('Authorization', authorization)
      return next(request)
    },
  })
}

function bearerToken(): Work {
  const scopes = 'https://api.example.com/.default'
  const getToken = async () => ({ token: tokenText(), expiresOnTimestamp: Date.now() + 3_600_000 })
  return workOf(bearerTokenAuthenticationPolicy({ credential: { getToken }, scopes }))
}

/** What a request by Azure's pipeline costs, of which there is none of ours. */
export const group: Group = {
  title: "Requests by Azure's pipeline",
  rows: [
    {
      name: 'azure-stub',
      title: '@azure/core-rest-pipeline without a network',
      about:
        'A pipeline with one policy and a client that answers at once: what another token policy costs beside its floor.',
      apart: true,
      variants: [
        { name: 'a policy with a static header', role: 'floor', prepare: staticHeader },
        { name: 'its bearerTokenAuthenticationPolicy', role: 'peer', prepare: bearerToken },
      ],
    },
  ],
}
