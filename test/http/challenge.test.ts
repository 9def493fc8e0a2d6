import { describe, expect, it } from 'vitest'
import { type ChallengeHeader, parseChallenges, tokenVerdict } from '../../src/http/challenge.ts'
import { fc } from '../support/fast-check.ts'

/** A challenge as a tuple that fits on a line: scheme, token68 or parameters. */
function read(header: ChallengeHeader): unknown[] {
  return parseChallenges(header).map(({ scheme, token68, parameters }) =>
    token68 === undefined ? [scheme, Object.fromEntries(parameters)] : [scheme, token68],
  )
}

describe('parseChallenges', () => {
  it.each<[name: string, header: ChallengeHeader, ...challenges: unknown[]]>([
    ['no header', undefined],
    ['a null header', null],
    ['an empty header', ''],
    ['nothing but separators', ' , ,,\t, '],
    ['a scheme alone', 'Bearer', ['bearer', {}]],
    ['a token as value', 'Bearer realm=example', ['bearer', { realm: 'example' }]],
    ['a quoted value', 'Bearer realm="an, example"', ['bearer', { realm: 'an, example' }]],
    ['an empty quoted value', 'Bearer realm=""', ['bearer', { realm: '' }]],
    ['escapes in quotes', String.raw`Bearer realm="a \"b\" \\ c"`, ['bearer', { realm: String.raw`a "b" \ c` }]],
    ['any case', 'BEARER Realm="x", ERROR=Y', ['bearer', { realm: 'x', error: 'Y' }]],
    ['whitespace around =', 'Bearer realm = "x" ,error\t=\t"y"', ['bearer', { realm: 'x', error: 'y' }]],
    ['a stray comma after the scheme', 'Bearer, error="invalid_token"', ['bearer', { error: 'invalid_token' }]],
    ['empty list members', ',, Bearer realm="x",, ,error="y",', ['bearer', { realm: 'x', error: 'y' }]],
    ['a missing comma', 'Bearer realm="x" error="y"', ['bearer', { realm: 'x', error: 'y' }]],
    ['a folded line', 'Bearer realm="x",\r\n error="y"', ['bearer', { realm: 'x', error: 'y' }]],
    ['a repeated parameter', 'Bearer error="a", Error="b"', ['bearer', { error: 'a' }]],
    ['an unclosed quote', 'Bearer error="invalid_token', ['bearer', { error: 'invalid_token' }]],
    ['an escape at the end', 'Bearer error="a\\', ['bearer', { error: 'a' }]],
    [
      'an unquoted URL',
      'Bearer error_uri=https://x/?a=b, error=c',
      ['bearer', { error_uri: 'https://x/?a=b', error: 'c' }],
    ],
    ['a value without a name', 'Bearer, ="x", error="y"', ['bearer', { error: 'y' }]],
    ['a text without a name', 'Bearer "x" error="y"', ['bearer', { error: 'y' }]],
    ['a parameter without a scheme', 'error="x"'],
    ['token68', 'Negotiate YII/+-._~a==', ['negotiate', 'YII/+-._~a==']],
    ['token68 without padding', 'NTLM TlRM', ['ntlm', 'TlRM']],
    ['token68 before another challenge', 'NTLM Tl=, Bearer', ['ntlm', 'Tl='], ['bearer', {}]],
    ['token68 before white space and a comma', 'NTLM Tl= , Bearer', ['ntlm', 'Tl='], ['bearer', {}]],
    ['two challenges', 'Basic realm="a", Bearer realm="b"', ['basic', { realm: 'a' }], ['bearer', { realm: 'b' }]],
    ['two schemes alone', 'Negotiate, Basic', ['negotiate', {}], ['basic', {}]],
    ['two challenges without a comma', 'Basic Bearer error="x"', ['basic', {}], ['bearer', { error: 'x' }]],
    ['a parameter name like a member of Object', 'Bearer toString=a', ['bearer', { tostring: 'a' }]],
    [
      'several headers',
      ['Basic realm="a"', 'DPoP algs="ES256"'],
      ['basic', { realm: 'a' }],
      ['dpop', { algs: 'ES256' }],
    ],
    [
      'an unclosed quote before another header',
      ['Basic realm="a', 'Bearer'],
      ['basic', { realm: 'a' }],
      ['bearer', {}],
    ],
  ])('reads %s', (_, header, ...challenges) => {
    expect(read(header)).toEqual(challenges)
  })

  it('has a token68 only where there is one', () => {
    expect(parseChallenges('Bearer').map(Object.keys)).toEqual([['scheme', 'parameters']])
  })

  it('reads the examples of RFC 9110 §11.6.1, RFC 6750 §3 and RFC 9449 §7.1', () => {
    expect(read('Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""')).toEqual([
      ['basic', { realm: 'simple' }],
      ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
    ])
    expect(
      read('Bearer realm="example",\n error="invalid_token",\n error_description="The access token expired"'),
    ).toEqual([['bearer', { realm: 'example', error: 'invalid_token', error_description: 'The access token expired' }]])
    expect(read('Bearer, DPoP algs="ES256 PS256"')).toEqual([
      ['bearer', {}],
      ['dpop', { algs: 'ES256 PS256' }],
    ])
  })

  it('ignores what lies beyond 16 KiB, counted over all headers', () => {
    const padding = ','.repeat(16 * 1024 - 'Bearer'.length)
    expect(read(`${padding}Bearer error="x"`)).toEqual([['bearer', {}]])
    expect(read([padding, 'Bearer', 'Basic'])).toEqual([['bearer', {}]])
  })

  it('skips whatever is not text', () => {
    const header = [7, null, 'Bearer', { toString: () => 'Basic' }] as unknown as string[]
    expect(read(header)).toEqual([['bearer', {}]])
  })

  it('reads back every list of challenges that is written by the grammar', () => {
    const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,8}$/)
    const space = fc.constantFrom('', ' ', '\t', '  ')
    const quoted = fc.string({ maxLength: 8 }).map((text) => [`"${text.replace(/["\\]/g, '\\$&')}"`, text] as const)
    const plain = token.map((text) => [text, text] as const)
    const value = fc.oneof(plain, quoted)
    const parameter = fc.record({ name: token, before: space, after: space, value })
    const challenge = fc.record({ scheme: token, parameters: fc.array(parameter, { maxLength: 4 }) })
    const separator = fc.constantFrom(',', ', ', ' , ', ', ,')
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), separator, (challenges, comma) => {
        const header = challenges
          .map(({ scheme, parameters }) => {
            const written = parameters.map((p) => `${p.name}${p.before}=${p.after}${p.value[0]}`)
            return `${scheme} ${written.join(comma)}`.trimEnd()
          })
          .join(comma)
        const expected = challenges.map(({ scheme, parameters }) => {
          // fromEntries keeps the last of a name, the parser the first.
          const pairs = parameters.map((p) => [p.name.toLowerCase(), p.value[1]] as const).reverse()
          return [scheme.toLowerCase(), Object.fromEntries(pairs)]
        })
        expect(read(header)).toEqual(expected)
      }),
      { seed: 9110 },
    )
  })

  it('never throws, and never makes up more than it was given', () => {
    const piece = fc.oneof(
      fc.constantFrom('Bearer', 'error', '=', '"', '\\', ',', ' ', '\t', '\r\n', '==', 'x', '\u0000', '\u{1f511}', 'é'),
      fc.string({ maxLength: 4, unit: 'binary' }),
    )
    const line = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(fc.oneof(line, fc.array(line, { maxLength: 4 })), (header) => {
        const total = (Array.isArray(header) ? header : [header]).join('').length
        let used = 0
        for (const { scheme, token68, parameters } of parseChallenges(header)) {
          expect(scheme).not.toBe('')
          used += scheme.length + (token68?.length ?? 0)
          // Lower case can be longer than what was lowered; names are counted once for it.
          for (const [name, value] of parameters) used += Math.min(1, name.length) + value.length
        }
        expect(used).toBeLessThanOrEqual(total * 2)
        expect(['rejected', 'insufficient', 'nonce']).toContain(tokenVerdict(header))
      }),
      { numRuns: 1000, seed: 9110 },
    )
  })
})

describe('tokenVerdict', () => {
  it.each<[header: ChallengeHeader, verdict: ReturnType<typeof tokenVerdict>]>([
    [undefined, 'rejected'],
    ['', 'rejected'],
    ['Bearer', 'rejected'],
    ['Bearer realm="x"', 'rejected'],
    ['Bearer error=""', 'rejected'],
    ['Bearer error="invalid_token"', 'rejected'],
    ['Bearer, error="invalid_token"', 'rejected'],
    ['bearer ERROR = Invalid_Token', 'rejected'],
    ['DPoP error="invalid_token", algs="ES256"', 'rejected'],
    ['Basic realm="x"', 'rejected'],
    ['Basic error="insufficient_scope"', 'rejected'],
    ['Basic realm="x", Bearer error="invalid_token"', 'rejected'],
    ['Bearer error="insufficient_scope", scope="a b"', 'insufficient'],
    ['Bearer error="invalid_request"', 'insufficient'],
    ['Bearer error="insufficient_user_authentication", acr_values="x"', 'insufficient'],
    ['DPoP error="invalid_dpop_proof"', 'insufficient'],
    ['Bearer error="insufficient_scope", DPoP algs="ES256"', 'insufficient'],
    [['Basic realm="x"', 'Bearer error="insufficient_scope"'], 'insufficient'],
    ['Bearer error="insufficient_scope", DPoP error="invalid_token"', 'rejected'],
    ['DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"', 'nonce'],
    ['Bearer error="invalid_token", DPoP error="use_dpop_nonce"', 'nonce'],
    ['Bearer error="use_dpop_nonce"', 'insufficient'],
  ])('takes %j for: %s', (header, verdict) => {
    expect(tokenVerdict(header)).toBe(verdict)
  })
})
