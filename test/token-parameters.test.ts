import { describe, expect, it } from 'vitest'
import type { TokenParameters } from '../src/token-key.ts'
import { readTokenParameters, TOKEN_PARAMETER_NAMES, type TokenParameterOptions } from '../src/token-parameters.ts'

const DEFAULTS: TokenParameters = {
  ...{ scope: ['d'], resource: ['urn:d'], audience: ['d'], parameters: { d: '1' } },
  authorizationDetails: '[{"type":"d"}]',
}

/** Options as a caller without types may give them. */
const read = (options: unknown, defaults?: TokenParameters) =>
  readTokenParameters(options as TokenParameterOptions, 'clients.orders.', defaults)

describe('readTokenParameters', () => {
  it('asks for nothing when nothing is given', () => {
    expect(read({})).toEqual({ scope: [], resource: [], audience: [], parameters: {} })
  })

  it('takes what is not given from the defaults, and replaces what is', () => {
    expect(read({}, DEFAULTS)).toEqual(DEFAULTS)
    expect(read(Object.fromEntries(TOKEN_PARAMETER_NAMES.map((name) => [name, undefined])), DEFAULTS)).toEqual(DEFAULTS)
    expect(read({ scope: 'a' }, DEFAULTS)).toEqual({ ...DEFAULTS, scope: ['a'] })
    expect(read({ resource: 'urn:a' }, DEFAULTS)).toEqual({ ...DEFAULTS, resource: ['urn:a'] })
    expect(read({ audience: 'a' }, DEFAULTS)).toEqual({ ...DEFAULTS, audience: ['a'] })
    expect(read({ parameters: { a: '1' } }, DEFAULTS)).toEqual({ ...DEFAULTS, parameters: { a: '1' } })
    const details = { authorizationDetails: '[{"a":1,"type":"a"}]' }
    expect(read({ authorizationDetails: [{ type: 'a', a: 1 }] }, DEFAULTS)).toEqual({ ...DEFAULTS, ...details })
    expect(read({ authorizationDetails: [] }, DEFAULTS)).toEqual({ ...DEFAULTS, authorizationDetails: '' })
  })

  it.each([
    ['one', 'a', ['a']],
    ['several, in their order', 'b a', ['b', 'a']],
    ['several with spaces too many', '  b   a ', ['b', 'a']],
    ['repeated ones', 'b a b', ['b', 'a']],
    ['a list', ['b', 'a', 'b'], ['b', 'a']],
    ['none', '', []],
    ['an empty list', [], []],
    [
      'every character that RFC 6749 allows',
      '!#[]^~ https://graph.example/.default',
      ['!#[]^~', 'https://graph.example/.default'],
    ],
  ])('reads scopes: %s', (_what, scope, expected) => {
    expect(read({ scope }, DEFAULTS).scope).toEqual(expected)
  })

  it.each([
    ['a quote', 'ok a"b', 'a"b'],
    ['a backslash', 'a\\b', 'a\\b'],
    ['a tab between two', 'a\tb', 'a\tb'],
    ['a line break at the end', 'ok a\n', 'a\n'],
    ['another alphabet', 'lés', 'lés'],
    ['a delete character', 'a\x7f', 'a\x7f'],
    ['a no-break space', 'a\u00a0b', 'a\u00a0b'],
    ['a space within an item of a list', ['ok', 'a b'], 'a b'],
  ])('refuses a scope with %s, and shows it', (_what, scope, shown) => {
    expect(() => read({ scope })).toThrow(TypeError)
    expect(() => read({ scope })).toThrow(
      `\`clients.orders.scope\` has an illegal character in ${JSON.stringify(shown)}. `,
    )
    expect(() => read({ scope })).toThrow('RFC 6749 §3.3')
  })

  it.each([['read undefined'], [['read', 'undefined']]])('refuses %j, which no scope is meant by', (scope) => {
    expect(() => read({ scope })).toThrow(
      '`clients.orders.scope` holds the text "undefined". Was an unset variable put into a template?',
    )
  })

  it.each(['https://api.example/v1', 'urn:example:api', 'api://3f2a', 'https://api.example/?tenant=1'])(
    'takes %s for a resource',
    (uri) => {
      expect(read({ resource: uri }).resource).toEqual([uri])
      expect(read({ resource: [uri, uri] }).resource).toEqual([uri])
    },
  )

  it.each([
    'api.example',
    '/v1',
    'https://api.example/#x',
    'https://api.example/#',
    ' https://api.example',
    'https://api.example\n',
    'https://äpi.example',
  ])('refuses %j as a resource, which must be an absolute URI without a fragment', (resource) => {
    expect(() => read({ resource })).toThrow(
      /`clients\.orders\.resource` must be an absolute URI.*RFC 8707.*`audience`/,
    )
    expect(() => read({ resource: ['https://good.example', resource] })).toThrow(TypeError)
  })

  it('reads audiences, which may be any text', () => {
    expect(read({ audience: 'https://api.example/ #1' }).audience).toEqual(['https://api.example/ #1'])
    expect(read({ audience: ['b', 'a', 'b'] }).audience).toEqual(['b', 'a'])
  })

  it.each([
    ['scope', null],
    ['scope', 5],
    ['scope', ['']],
    ['scope', [undefined]],
    ['scope', [['a']]],
    ['resource', ''],
    ['resource', null],
    ['resource', new URL('https://api.example')],
    ['audience', ''],
    ['audience', [null]],
    ['audience', { 0: 'a' }],
  ])('refuses as %s anything but strings: %o', (option, value) => {
    expect(() => read({ [option]: value })).toThrow(TypeError)
    expect(() => read({ [option]: value })).toThrow(
      `\`clients.orders.${option}\` must be a non-empty string or a list of them`,
    )
  })

  it('copies extra parameters, leaving out empty ones', () => {
    const given = { tenant: 'a b', empty: '' }
    const { parameters } = read({ parameters: given })
    given.tenant = 'changed'
    expect(parameters).toEqual({ tenant: 'a b' })
  })

  it.each([
    ['grant_type', '`grant`'],
    ['client_id', '`clientId`'],
    ['client_secret', '`clientSecret`'],
    ['client_assertion', '`clientAuthentication`'],
    ['client_assertion_type', '`clientAuthentication`'],
    ['scope', '`scope`'],
    ['resource', '`resource`'],
    ['audience', '`audience`'],
    ['authorization_details', '`authorizationDetails`'],
    ['assertion', '`jwtBearer`'],
    ['subject_token', '`subjectToken`'],
    ['subject_token_type', '`subjectTokenType`'],
    ['requested_token_type', '`requestedTokenType`'],
    ['actor_token', '`actorToken`'],
    ['actor_token_type', '`actorTokenType`'],
  ])('refuses %s as an extra parameter and says where it belongs', (name, hint) => {
    const options = { parameters: { [name]: 'Marker-S3cret' } }
    expect(() => read(options)).toThrow(TypeError)
    expect(() => read(options)).toThrow(`\`clients.orders.parameters.${name}\` is set by evertoken. `)
    expect(() => read(options)).toThrow(hint)
    expect(() => read(options)).not.toThrow('Marker')
  })

  it.each([[null], ['a=b'], [[['a', 'b']]], [5]])('refuses %o as extra parameters', (parameters) => {
    expect(() => read({ parameters })).toThrow('`clients.orders.parameters` must be an object of strings')
  })

  it.each([[5], [undefined], [null], [['a']]])('refuses an extra parameter whose value is %o', (value) => {
    expect(() => read({ parameters: { tenant: value } })).toThrow('`clients.orders.parameters.tenant` must be a string')
  })

  it('sees own parameters only, whatever their names', () => {
    const parameters = Object.create({ inherited: '1' })
    Object.defineProperty(parameters, '__proto__', { value: '2', enumerable: true })
    expect(Object.entries(read({ parameters }).parameters)).toEqual([['__proto__', '2']])
  })

  it('names the place of a mistake in authorization details', () => {
    expect(() => read({ authorizationDetails: [{ type: 'a' }, {}] })).toThrow(
      '`clients.orders.authorizationDetails[1]` must be an object with a `type`',
    )
  })

  it('gives lists that nobody can change, because events and tokens show them', () => {
    const lists = read({ scope: 'a', resource: 'urn:a', audience: 'a', parameters: { a: '1' } })
    for (const name of TOKEN_PARAMETER_NAMES) expect(Object.isFrozen(lists[name])).toBe(true)
  })

  it('reads each item of a list once', () => {
    let reads = 0
    const scope = ['a']
    Object.defineProperty(scope, 0, {
      get: () => {
        reads += 1
        return reads === 1 ? 'a' : 'b"'
      },
    })
    expect(read({ scope }).scope).toEqual(['a'])
    expect(reads).toBe(1)
  })
})
