import { Configuration, OAuth2Api, OidcApi } from '@ory/hydra-client'
import axios from 'axios'
import { attachTokenManager } from 'evertoken/axios'
import { apiOrigin, tokens } from './orders-service.ts'

// One axios instance for all classes of the generated client: every operation carries a token.
const http = axios.create({ baseURL: apiOrigin })
attachTokenManager(http, tokens)
// `as never` because this client is a CommonJS package, for which axios has declarations of their own.
export const clients = new OAuth2Api(undefined, undefined, http as never)

// Or a function: only for operations whose OpenAPI document declares `oauth2` or `bearer`, and without a replay.
const configuration = new Configuration({ basePath: apiOrigin, accessToken: tokens.source().getAccessToken })
export const users = new OidcApi(configuration)

console.log((await clients.listOAuth2Clients()).data)
console.log((await users.getOidcUserInfo()).data)
