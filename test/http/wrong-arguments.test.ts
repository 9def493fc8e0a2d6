import axios from 'axios'
import { describe, expect, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { tokenInterceptor } from '../../src/http/undici.ts'
import * as evertoken from '../../src/index.ts'
import { managed } from '../support/managed.ts'

const { tokens } = managed()
const API = 'https://api.example.com'
const OPTIONS = { origins: [API] }
const api = () => axios.create({ baseURL: API })

const ATTACHING: [string, (...given: unknown[]) => unknown][] = [
  ['attachTokenManager', (...given) => attachTokenManager(api(), ...(given as [never]))],
  ['createTokenFetch', (...given) => createTokenFetch(...(given as [never, never]))],
  ['tokenInterceptor', (...given) => tokenInterceptor(...(given as [never, never]))],
]

describe.each(ATTACHING)('%s', (_, attach) => {
  it.each<[string, unknown[], RegExp]>([
    ['nothing', [], /`manager` must be a TokenManager\. Make one/],
    ['the class', [evertoken.TokenManager, OPTIONS], /`manager` must be a TokenManager\. Make one/],
    ['the module', [evertoken, OPTIONS], /`manager` must be a TokenManager\. Make one/],
    ['a promise of a manager', [Promise.resolve(tokens), OPTIONS], /`manager` must be .* This is a promise: await it/],
    ['a handle', [tokens.source(), OPTIONS], /`manager` must be .* Give the handle as `token` of a request/],
    ['the options first', [OPTIONS, tokens], /`manager` must be a TokenManager\. It comes before the options/],
    ['the manager for the options', [tokens, tokens], /`options` must be .*, not an instance of TokenManager/],
    ['a handle for the options', [tokens, tokens.source()], /`options` must be .*, not an instance of TokenSource/],
    ['a promise of options', [tokens, Promise.resolve(OPTIONS)], /`options` is a promise\. Await it/],
    ['a list of origins', [tokens, [API]], /`options` must be an object\. Such as \{ origins:/],
    ['an origin', [tokens, API], /`options` must be an object\. Such as \{ origins:/],
    ['a function', [tokens, fetch], /`options` must be an object\. Such as \{ origins:/],
    ['a misspelt option', [tokens, { ...OPTIONS, replays: 'none' }], /`replays` is not an option.*`replay`/],
  ])('says at once what is wrong with %s', (_, given, message) => {
    expect(() => attach(...given)).toThrow(TypeError)
    expect(() => attach(...given)).toThrow(message)
  })
})

describe('attachTokenManager', () => {
  it.each<[string, unknown[], RegExp]>([
    ['nothing', [], /Such as `axios\.create/],
    ['the manager', [tokens, api()], /It comes before the manager: `attachTokenManager\(api, tokens\)`/],
    ['the module', [{ default: axios }, tokens], /That is the module: `import axios from 'axios'`/],
    ['the class', [axios.Axios, tokens], /Such as `axios\.create/],
    ['a function that makes them', [axios.create, tokens], /Such as `axios\.create/],
    ['the settings of one', [{ baseURL: API }, tokens], /Such as `axios\.create/],
  ])('says at once that this is no axios instance: %s', (_, given, message) => {
    const attach = () => attachTokenManager(...(given as [never, never]))
    expect(attach).toThrow(TypeError)
    expect(attach).toThrow(/`instance` must be an axios instance/)
    expect(attach).toThrow(message)
  })
})

describe('attachTokenManager, once more', () => {
  it.each<[string, object, RegExp]>([
    ['the manager for the options', tokens, /not an instance of TokenManager/],
    ['a misspelt option', { origin: API }, /`origin` is not an option.*`origins`/],
  ])('says at once what is wrong with %s', (_, options, message) => {
    const attached = api()
    attachTokenManager(attached, tokens)
    expect(() => attachTokenManager(attached, tokens, options)).toThrow(message)
  })
})

describe('tokenInterceptor', () => {
  it.each([undefined, { dispatch: () => true }])('wants to be composed: %o', (dispatch) => {
    expect(() => tokenInterceptor(tokens, OPTIONS)(dispatch as never)).toThrow(/`dispatch` must be a function.*compose/)
  })
})

describe('`token` of a request', () => {
  it.each<[string, unknown]>([
    ['a promise of a token', Promise.resolve('token')],
    ['a manager', tokens],
    ['a map', new Map([['scope', 'orders.read']])],
  ])('is not taken for the default when it is %s', async (_, token) => {
    const tokenFetch = createTokenFetch(tokens, { ...OPTIONS, fetch: () => Promise.reject(new Error('sent')) })
    const sent = tokenFetch(API, { token: token as never })
    await expect(sent).rejects.toThrow(TypeError)
    await expect(sent).rejects.toThrow(/`token` must be an object of token parameters/)
  })
})
