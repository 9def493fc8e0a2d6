import { describe, expect, it } from 'vitest'
import { canonicalDetails } from '../src/authorization-details.ts'
import { SubjectToken } from '../src/grant/subject-token.ts'
import { cacheKey, cacheKeyPrefix, type TokenParameters, tokenKey } from '../src/token-key.ts'
import { fc } from './support/fast-check.ts'

const NONE: TokenParameters = { scope: [], resource: [], audience: [], parameters: {} }

// Few words, so that equal ones are drawn often; and whatever might part or quote the parts of a key.
const word = fc.oneof(
  fc.constantFrom('a', 'b', 'ab', 'scope'),
  fc.string({
    unit: fc.constantFrom('a', ' ', '"', "'", '\\', ',', '[', ']', '{', ':', '|', '\0', '\n', '\ud800', 'é'),
    maxLength: 3,
  }),
)
const words = fc.array(word, { maxLength: 4 })
const parameters = fc.dictionary(fc.oneof(word, fc.constantFrom('__proto__', 'constructor', '1', '10', '2')), word, {
  maxKeys: 3,
})
const subject = fc.option(
  word.filter((text) => text !== '').map((text) => new SubjectToken(text)),
  { nil: undefined },
)
const details = fc
  .array(fc.record({ type: fc.constantFrom('a', 'b'), x: fc.constantFrom<unknown>(1, '1', null, [1], { a: 1 }) }), {
    maxLength: 2,
  })
  .map((list) => canonicalDetails(list, 'authorizationDetails'))
const authorizationDetails = fc.option(details, { nil: undefined })
const request = fc.record({
  client: word,
  token: fc.record<TokenParameters>({
    ...{ scope: words, resource: words, audience: words, parameters, authorizationDetails, subject },
  }),
})

/** What a request asks for, compared without a text to represent it. */
function sameToken(a: TokenParameters, b: TokenParameters): boolean {
  const sameWords = (one: readonly string[], other: readonly string[]) =>
    one.every((each) => other.includes(each)) && other.every((each) => one.includes(each))
  const [one, other] = [new Map(Object.entries(a.parameters)), new Map(Object.entries(b.parameters))]
  return (
    sameWords(a.scope, b.scope) &&
    sameWords(a.resource, b.resource) &&
    sameWords(a.audience, b.audience) &&
    (a.authorizationDetails ?? '') === (b.authorizationDetails ?? '') &&
    a.subject?.reveal() === b.subject?.reveal() &&
    one.size === other.size &&
    [...one].every(([name, value]) => other.has(name) && other.get(name) === value)
  )
}

describe('tokenKey', () => {
  it('is the same for two requests exactly when they ask for the same token', () => {
    // Requests that have much in common: each part of the second is mostly that of the first.
    const all = ['client', 'scope', 'resource', 'audience', 'parameters', 'authorizationDetails', 'subject']
    const parts = fc.subarray(all, { minLength: all.length - 2 })
    let same = 0
    fc.assert(
      fc.property(request, request, parts, (a, other, common) => {
        const from = (part: string) => (common.includes(part) ? a : other)
        const client = from('client').client
        const token: TokenParameters = {
          scope: from('scope').token.scope.toReversed(),
          resource: from('resource').token.resource.toReversed(),
          audience: from('audience').token.audience.toReversed(),
          parameters: from('parameters').token.parameters,
          authorizationDetails: from('authorizationDetails').token.authorizationDetails,
          subject: from('subject').token.subject,
        }
        const equal = a.client === client && sameToken(a.token, token)
        if (equal) same += 1
        expect(tokenKey(a.client, a.token) === tokenKey(client, token)).toBe(equal)
      }),
      { numRuns: 1000 },
    )
    expect(same).toBeGreaterThan(50)
    expect(same).toBeLessThan(950)
  })

  it('does not depend on order and repetition', () => {
    const shuffled = request.chain((one) => {
      const again = (list: readonly string[]) =>
        fc.shuffledSubarray([...list], { minLength: list.length }).map((all) => [...all, ...list])
      return fc.record({
        one: fc.constant(one),
        other: fc.record<TokenParameters>({
          scope: again(one.token.scope),
          resource: again(one.token.resource),
          audience: again(one.token.audience),
          parameters: fc.constant(Object.fromEntries(Object.entries(one.token.parameters).reverse())),
          authorizationDetails: fc.constant(one.token.authorizationDetails),
          subject: fc.constant(one.token.subject && new SubjectToken(one.token.subject.reveal())),
        }),
      })
    })
    fc.assert(
      fc.property(shuffled, ({ one, other }) => {
        expect(tokenKey(one.client, other)).toBe(tokenKey(one.client, one.token))
      }),
    )
  })

  it.each<[what: string, one: Partial<TokenParameters>, other: Partial<TokenParameters>]>([
    ['a scope more', { scope: ['read'] }, { scope: ['read', 'write'] }],
    ['a scope in other letter case', { scope: ['read'] }, { scope: ['Read'] }],
    ['no scope', { scope: ['read'] }, {}],
    ['two scopes and one that reads like both', { scope: ['a', 'b'] }, { scope: ['a b'] }],
    ['a list and one that ends a word in it', { scope: ['a","b'] }, { scope: ['a', 'b'] }],
    ['a scope and a resource', { scope: ['x:y'] }, { resource: ['x:y'] }],
    ['a resource and an audience', { resource: ['x:y'] }, { audience: ['x:y'] }],
    ['a scope that closes its list', { scope: ['a'], resource: ['b'] }, { scope: ['a"],["b'] }],
    ['an audience and a parameter of that name', { audience: ['a'] }, { parameters: { audience: 'a' } }],
    ['a parameter of another name', { parameters: { a: 'x' } }, { parameters: { b: 'x' } }],
    ['a parameter of another value', { parameters: { a: 'x' } }, { parameters: { a: 'y' } }],
    ['one parameter that looks like two', { parameters: { a: 'b","c' } }, { parameters: { a: 'b', c: '' } }],
    ['a parameter called __proto__', JSON.parse('{"parameters":{"__proto__":"x"}}'), {}],
    ['a subject', { subject: new SubjectToken('a') }, {}],
    ['another subject', { subject: new SubjectToken('a') }, { subject: new SubjectToken('b') }],
    ['details', { authorizationDetails: '[{"type":"a"}]' }, {}],
    ['details and a subject that reads like them', { authorizationDetails: 'a' }, { subject: new SubjectToken('a') }],
    ['halves of surrogate pairs', { audience: ['\ud800'] }, { audience: ['\ud801'] }],
  ])('tells requests apart that differ by %s', (_what, one, other) => {
    expect(tokenKey('client', { ...NONE, ...one })).not.toBe(tokenKey('client', { ...NONE, ...other }))
  })

  it('tells clients apart, also where one is named like the beginning of a key', () => {
    const token = { ...NONE, scope: ['read'] }
    expect(tokenKey('a', token)).not.toBe(tokenKey('b', token))
    expect(tokenKey('a",["read"', NONE)).not.toBe(tokenKey('a', token))
  })

  it.each<[text: string, wanted: Partial<TokenParameters>]>([
    ['["client",[],[],[],[]]', {}],
    ['["client",[],[],[],[]]', { authorizationDetails: '' }],
    [
      '["client",["a","b"],["urn:r"],["c"],[["x","1"],["y","2"]]]',
      {
        ...{ scope: ['b', 'a', 'b'], resource: ['urn:r'], audience: ['c'], parameters: { y: '2', x: '1' } },
      },
    ],
    ['["client",[],[],[],[],"[{}]",null]', { authorizationDetails: '[{}]' }],
  ])('is %s in every version, because the processes of a fleet find their tokens by it', (text, wanted) => {
    expect(tokenKey('client', { ...NONE, ...wanted })).toBe(text)
  })

  it('holds a digest of a subject token, and never the token', () => {
    const key = tokenKey('client', { ...NONE, subject: new SubjectToken('Marker-S3cret') })
    expect(key).not.toContain('Marker')
    expect(key).toMatch(/[0-9a-f]{64}/)
  })

  it('leaves the lists that it is given as they are', () => {
    const scope = Object.freeze(['b', 'a', 'b'])
    tokenKey('client', { ...NONE, scope })
    expect(scope).toEqual(['b', 'a', 'b'])
  })
})

describe('cacheKey', () => {
  const prefix = cacheKeyPrefix('client', NONE)
  const scopes = fc.array(fc.stringMatching(/^[a-c!]{1,3}$/), { maxLength: 4 })

  it('is the same for two lists of scopes exactly when they ask for the same token', () => {
    let same = 0
    fc.assert(
      fc.property(scopes, scopes, (one, other) => {
        const isSame = tokenKey('client', { ...NONE, scope: one }) === tokenKey('client', { ...NONE, scope: other })
        if (isSame) same += 1
        expect(cacheKey(prefix, one) === cacheKey(prefix, other)).toBe(isSame)
        expect(cacheKey(prefix, one)).toBe(cacheKey(prefix, [...one, ...one.toReversed()]))
      }),
      { numRuns: 1000 },
    )
    expect(same).toBeGreaterThan(10)
  })

  it.each([
    ['one scope and two that it reads like', ['a b'], ['a', 'b']],
    ['scopes that run into each other', ['a', 'bc'], ['ab', 'c']],
    ['an empty text and no scope', [''], []],
    ['a count and a scope of that name', ['1'], []],
  ])('tells %s apart, which are not yet checked', (_what, one, other) => {
    expect(cacheKey(prefix, one)).not.toBe(cacheKey(prefix, other))
  })

  it.each([[[undefined]], [['a', null]], [[1, 'a']], [[['a']]]])('is none where %j is asked for', (scope) => {
    expect(cacheKey(prefix, scope)).toBeUndefined()
  })

  it('leaves the list that it is given as it is', () => {
    expect(cacheKey(prefix, Object.freeze(['b', 'a', 'b']))).toBe(cacheKey(prefix, ['a', 'b']))
  })
})

describe('cacheKeyPrefix', () => {
  it('is another for everything but the scopes, and short', () => {
    const wanted: TokenParameters[] = [
      NONE,
      { ...NONE, resource: ['urn:a'] },
      { ...NONE, audience: ['a'] },
      { ...NONE, parameters: { a: '1' } },
      { ...NONE, authorizationDetails: '[{"type":"a"}]' },
      { ...NONE, subject: new SubjectToken('a') },
    ]
    const prefixes = [...wanted.map((each) => cacheKeyPrefix('client', each)), cacheKeyPrefix('other', NONE)]
    expect(new Set(prefixes).size).toBe(7)
    for (const prefix of prefixes) expect(prefix).toMatch(/^[\w-]{22}$/)
    expect(cacheKeyPrefix('client', { ...NONE, scope: ['a'] })).toBe(cacheKeyPrefix('client', NONE))
  })
})
