import { describe, expect, it } from 'vitest'
import { redactText, spellings } from '../src/redaction.ts'
import { fc } from './support/fast-check.ts'

const SECRET = 'Marker-S3cret~'

describe('redactText', () => {
  it('leaves harmless text alone', () => {
    expect(redactText('AADSTS7000215: Ungültiges Geheimnis 🙈', [SECRET])).toBe(
      'AADSTS7000215: Ungültiges Geheimnis 🙈',
    )
  })

  it.each([
    ['once', `no ${SECRET}!`, 'no [redacted]!'],
    ['twice', `${SECRET} ${SECRET}`, '[redacted] [redacted]'],
    ['side by side', `${SECRET}${SECRET}`, '[redacted][redacted]'],
    ['as all there is', SECRET, '[redacted]'],
  ])('blanks a secret out that occurs %s', (_where, text, expected) => {
    expect(redactText(text, [SECRET])).toBe(expected)
  })

  it('takes the secrets from anything that can be iterated', () => {
    expect(redactText(`a ${SECRET}`, new Set([SECRET]))).toBe('a [redacted]')
  })

  it('leaves nothing over where one secret contains another or overlaps it', () => {
    expect(redactText('<abcdef>', ['bcde', 'abcdef'])).toBe('<[redacted]>')
    expect(redactText('<abcdefgh>', ['abcdef', 'efgh'])).toBe('<[redacted]>')
    expect(redactText('<aaaaa>', ['aaaa'])).toBe('<[redacted]>')
  })

  it('takes the characters of a secret literally', () => {
    expect(redactText('a.*b $& axxb', ['a.*b', '$& a'])).toBe('[redacted] [redacted]xxb')
  })

  it('does not let secrets of fewer than four characters blank ordinary words out', () => {
    expect(redactText('invalid client', ['inv', 'i', ''])).toBe('invalid client')
    expect(redactText('invalid client', ['inva'])).toBe('[redacted]lid client')
  })

  it.each([
    ['a zero-width space', '\u200b'],
    ['a byte order mark', '\ufeff'],
    ['a soft hyphen', '\u00ad'],
    ['a bidirectional override', '\u202e'],
    ['a bidirectional isolate', '\u2066'],
    ['an invisible tag character', '\u{e0041}'],
    ['NUL', '\0'],
    ['an escape character', '\u001b'],
    ['a C1 control', '\u009b'],
    ['half a surrogate pair', '\ud83d'],
  ])('removes %s, also from the middle of a secret', (_name, character) => {
    expect(redactText(`a${character}b`, [])).toBe('ab')
    expect(redactText(`Marker${character}-S3cret~`, [SECRET])).toBe('[redacted]')
    expect(redactText(SECRET, [`Marker${character}-S3cret~`])).toBe('[redacted]')
  })

  it('turns line ends, tabs and separators into single spaces', () => {
    expect(redactText('\r\n a\r\n\tb\u2028c\u0085d\n', [])).toBe('a b c d')
  })

  it('finds a secret again whose line ends or outer spaces were lost on the way', () => {
    expect(redactText('it was: top secret', [' top\nsecret\r\n'])).toBe('it was: [redacted]')
  })

  it('cuts long text to the limit and says so', () => {
    expect(redactText('x'.repeat(300), [])).toBe('x'.repeat(300))
    expect(redactText('x'.repeat(301), [])).toBe(`${'x'.repeat(299)}…`)
    expect(redactText('x'.repeat(9_000), [SECRET, 'other'])).toBe(`${'x'.repeat(299)}…`)
    expect(redactText('abcdef', [], 4)).toBe('abc…')
  })

  it('does not cut a character in two', () => {
    expect(redactText(`ab🙈${'x'.repeat(9)}`, [], 4)).toBe('ab…')
  })

  it('shows no part of a secret that straddles the limit', () => {
    for (let before = 0; before <= 100; before++) {
      const shown = redactText(`${'-'.repeat(before)}${SECRET}${'-'.repeat(200)}`, [SECRET], 10)
      expect(shown).not.toContain('M')
    }
  })

  it('shows no part of a secret that is longer than what is looked at', () => {
    const assertion = 'abcdefgh'.repeat(500)
    expect(redactText(assertion, [assertion], 64)).toBe('[redacted]')
    expect(redactText(`an assertion ${assertion}`, [assertion], 64)).toBe('an assertion [redacted]')
  })

  it('shows no part of a secret where it stops looking, after many that were blanked out', () => {
    const long = `${'k'.repeat(125)}-tail`
    for (let before = 0; before <= long.length; before++) {
      const shown = redactText(`${'-'.repeat(before)} ${long.repeat(4)}`, [long], 64)
      expect(shown).not.toContain('k')
    }
  })

  it('leaves the end of a text alone that only begins like a secret', () => {
    expect(redactText('see form Marker-S', [SECRET], 40)).toBe('see form Marker-S')
  })

  it('promises, for any text: no secret, nothing unprintable, never too long', () => {
    const secret = fc.stringMatching(/^[A-Z0-9]{4,12}$/)
    const noise = fc.string({ maxLength: 20, unit: 'binary' })
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.array(fc.oneof(noise, fc.nat(3)), { maxLength: 30 }),
        fc.integer({ min: 12, max: 60 }),
        (secrets, parts, maxLength) => {
          const text = parts
            .map((part) => (typeof part === 'string' ? part : (secrets[part % secrets.length] ?? '')))
            .join('')
          const shown = redactText(text, secrets, maxLength)
          for (const each of secrets) expect(shown).not.toContain(each)
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
          expect(shown.length).toBeLessThanOrEqual(maxLength)
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })

  it.each([
    ['without a secret in it', 'x'.repeat(10_000_000)],
    ['made of secrets', SECRET.repeat(700_000)],
    ['made of beginnings of secrets', 'M'.repeat(10_000_000)],
    ['made of control characters', '\u001b'.repeat(10_000_000)],
  ])('is done at once with ten megabytes %s', (_name, text) => {
    const startedAt = performance.now()
    redactText(text, [SECRET, 'M'.repeat(100_000), 'MMMM'])
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })
})

describe('spellings', () => {
  it.each([
    ['itself', 'a+b/c"d é'],
    ['form-encoded', 'a%2Bb%2Fc%22d+%C3%A9'],
    ['form-encoded in lower case', 'a%2bb%2fc%22d+%c3%a9'],
    ['percent-encoded', 'a%2Bb%2Fc%22d%20%C3%A9'],
    ['percent-encoded in lower case', 'a%2bb%2fc%22d%20%c3%a9'],
    ['in JSON', 'a+b/c\\"d é'],
    ['in Base64', 'YStiL2MiZCDDqQ=='],
    ['in Base64url', 'YStiL2MiZCDDqQ'],
  ])('knows a secret %s', (_name, spelling) => {
    expect(spellings('a+b/c"d é')).toContain(spelling)
  })

  it('says each spelling once', () => {
    expect(spellings('abcdef')).toEqual(['abcdef', 'YWJjZGVm'])
  })

  it('does not stumble over half a surrogate pair', () => {
    expect(spellings('abc\ud83d')).toContain('abc\ud83d')
  })

  it('lets no spelling through', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 40, unit: 'grapheme' }), (secret) => {
        const all = spellings(secret)
        for (const spelling of all) expect(redactText(`<${spelling}>`, all)).not.toContain(secret.trim() || 'none')
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})
