import {
  type AccessTokenProvider,
  AllowedHostsValidator,
  AnonymousAuthenticationProvider,
  BaseBearerTokenAuthenticationProvider,
  HttpMethod,
  RequestInformation,
} from '@microsoft/kiota-abstractions'
import { FetchRequestAdapter, KiotaClientFactory } from '@microsoft/kiota-http-fetchlibrary'
import { createTokenFetch } from 'evertoken/fetch'
import { apiOrigin, tokens } from './orders-service.ts'

// Underneath everything that Kiota does: another token, and once more, when one is rejected.
const http = KiotaClientFactory.create(createTokenFetch(tokens, { origins: [apiOrigin] }))
export const adapter = new FetchRequestAdapter(new AnonymousAuthenticationProvider(), undefined, undefined, http)
adapter.baseUrl = apiOrigin

// Or the way that Kiota documents: the current token, and the caller's 401.
const source = tokens.source()
const hosts = new AllowedHostsValidator(new Set([new URL(apiOrigin).hostname]))
const accessTokens: AccessTokenProvider = {
  getAllowedHostsValidator: () => hosts,
  // Nobody else asks the validator.
  getAuthorizationToken: async (url) => (hosts.isUrlHostValid(url ?? '') ? await source.getAccessToken() : ''),
}
export const plainAdapter = new FetchRequestAdapter(new BaseBearerTokenAuthenticationProvider(accessTokens))
plainAdapter.baseUrl = apiOrigin

/** As a client's request builder makes it. */
export function listOrdersRequest(): RequestInformation {
  const request = new RequestInformation(HttpMethod.GET, '{+baseurl}/orders')
  request.headers.add('accept', 'application/json')
  return request
}

const orders = await adapter.sendPrimitive<ArrayBuffer>(listOrdersRequest(), 'ArrayBuffer', undefined)
console.log(new TextDecoder().decode(orders))
