import type { ReceivedRequest } from '../support/http-server.ts'
import { type Answer, askAt, askServer, type Mistake, type Mistakes, managerWith } from './mistake.ts'

const option = (mistake: string, wrong: object, says: string): Mistake => ({
  ...{ mistake, says, error: 'TypeError' },
  make: () => managerWith(wrong),
})

const HTML: Answer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Sign in</title>',
}

/** A server whose metadata names this issuer. */
const metadataOf =
  (named: (origin: string) => string) =>
  ({ url, headers }: ReceivedRequest): Answer => {
    if (!url.includes('/.well-known/')) return { status: 404 }
    const origin = `http://${headers.host}`
    return { status: 200, body: { issuer: named(origin), token_endpoint: `${origin}/token` } }
  }

export const ADDRESSES: Mistakes = {
  heading: 'Addresses of the authorization server',
  mistakes: [
    option('Neither `issuer` nor `tokenEndpoint`', { tokenEndpoint: undefined }, 'or `tokenEndpoint` must be given'),
    option(
      'No scheme: `auth.example.com/token`',
      { tokenEndpoint: 'auth.example.com/token' },
      'Begin it with `https://`',
    ),
    option(
      '… with a port: `auth.example.com:8443`',
      { tokenEndpoint: 'auth.example.com:8443/token' },
      'Begin it with `https://`',
    ),
    option('`http:` instead of `https:`', { tokenEndpoint: 'http://auth.example.com/token' }, 'must be an https URL'),
    option(
      '`http:` to this machine',
      { tokenEndpoint: 'http://127.0.0.1:8080/token' },
      '`allowInsecureLoopback: true`',
    ),
    option('A `URL` object', { tokenEndpoint: new URL('https://auth.example.com/token') }, 'Give its `href`'),
    option('A line break at the end', { tokenEndpoint: 'https://auth.example.com/token\n' }, 'without a line break'),
    option('Quotation marks around it', { tokenEndpoint: '"https://auth.example.com/token"' }, 'quotation marks'),
    option(
      'A tenant that is not set: `…/undefined/…`',
      { tokenEndpoint: `https://auth.example.com/${undefined}/token` },
      'Is the environment variable set?',
    ),
    option(
      'A placeholder: `…/{tenant}/…`',
      { tokenEndpoint: 'https://auth.example.com/{tenant}/token' },
      'placeholder',
    ),
    option('An IPv6 address without brackets', { tokenEndpoint: 'https://::1:8443/token' }, 'stands in brackets'),
    option(
      'User name and password in the URL',
      { tokenEndpoint: 'https://me:secret@auth.example.com/token' },
      '`clientId` and `clientSecret`',
    ),
    option(
      'The address of the metadata as `issuer`',
      { tokenEndpoint: undefined, issuer: 'https://auth.example.com/.well-known/openid-configuration' },
      'Leave out',
    ),
    option(
      'The address of the metadata as `tokenEndpoint`',
      { tokenEndpoint: 'https://auth.example.com/.well-known/openid-configuration' },
      'Give the issuer as `issuer`',
    ),
    {
      mistake: '`issuer` without the slash at its end, or with one too many',
      error: 'issuer_mismatch',
      says: 'differ by the slash',
      make: () =>
        askServer(
          metadataOf((origin) => `${origin}/`),
          { issuer: 'ORIGIN' },
        ),
    },
    {
      mistake: '`issuer` of another tenant or realm, or by another host name',
      error: 'issuer_mismatch',
      says: 'right tenant, realm and host',
      make: () =>
        askServer(
          metadataOf(() => 'https://auth.example.com/realms/other'),
          { issuer: 'ORIGIN' },
        ),
    },
    {
      mistake: '`issuer` where there is no metadata',
      error: 'discovery_failed',
      says: 'give `tokenEndpoint` instead',
      make: () => askServer({ status: 404 }, { issuer: 'ORIGIN/realms/orders' }),
    },
    {
      mistake: 'The token endpoint as `issuer`',
      error: 'discovery_failed',
      says: 'the token endpoint as `tokenEndpoint`',
      make: () => askServer({ status: 404 }, { issuer: 'ORIGIN/oauth2/token' }),
    },
    {
      mistake: 'The issuer as `tokenEndpoint`',
      error: 'invalid_response',
      says: 'give it as `issuer`',
      make: () => askServer({ ...HTML, status: 405 }, {}, '/realms/orders'),
    },
    {
      mistake: 'The authorization endpoint, which redirects to a login page',
      error: 'redirect_refused',
      says: 'where users sign in',
      make: () => askServer({ status: 302, headers: { location: '/login' } }, {}, '/oauth2/authorize'),
    },
    {
      mistake: '… or shows one',
      error: 'invalid_response',
      says: 'where users sign in',
      make: () => askServer(HTML, {}, '/oauth2/authorize'),
    },
    {
      mistake: 'The URL of a tenant that there is not',
      error: 'invalid_response',
      says: 'check its path, tenant or realm',
      make: () => askServer({ ...HTML, status: 404 }, {}, '/no-such-tenant/oauth2/token'),
    },
    {
      mistake: 'An address that has moved',
      error: 'redirect_refused',
      says: 'configure the final URL',
      make: () => askServer({ status: 308, headers: { location: 'https://new.example.com/token' } }),
    },
    {
      mistake: 'The metadata names a token endpoint on another host',
      error: 'discovery_failed',
      says: "endpointOrigins: ['https://tokens.example.com']",
      make: () =>
        askServer(
          ({ headers }) => ({
            status: 200,
            body: { issuer: `http://${headers.host}`, token_endpoint: 'https://tokens.example.com/token' },
          }),
          { issuer: 'ORIGIN' },
        ),
    },
    {
      mistake: 'The metadata lists no method that takes a secret',
      error: 'unsupported_client_authentication',
      says: 'the method that this client is registered for',
      make: () =>
        askServer(
          ({ headers }) => ({
            status: 200,
            body: {
              issuer: `http://${headers.host}`,
              token_endpoint: `http://${headers.host}/token`,
              token_endpoint_auth_methods_supported: ['private_key_jwt'],
            },
          }),
          { issuer: 'ORIGIN' },
        ),
    },
    {
      mistake: 'A host name that does not exist',
      error: 'network',
      says: 'check its spelling, and DNS',
      // What the resolver says, without asking one: tests connect to this machine only.
      make: () => askAt({ transport: failingWith('ENOTFOUND') }),
    },
  ],
}

/** A `fetch` that fails as Node's does. */
function failingWith(code: string) {
  return () => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }))
}
