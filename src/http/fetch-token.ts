export { RequestedToken as FetchToken } from './requested-token.ts'
