import { describe, expect, it } from 'vitest'
import { parseChallenges } from '../../src/http/challenge.ts'

// By itself, because no mutant of the parser is told by the time that it takes.
describe('parseChallenges', () => {
  it.each([
    ['words', 'a '],
    ['words with padding', 'a= '],
    ['equals signs', '='],
    ['a word and spaces', `a${' '.repeat(63)}`],
    ['spaces', ' '],
    ['quotes', '"'],
    ['open quotes', 'a="'],
    ['escapes', 'a="\\'],
    ['commas', ','],
    ['schemes', 'a,'],
    ['parameters', 'a=b,'],
    ['a quoted value', 'x', 'Bearer a="'],
    ['escapes in a quoted value', '\\"', 'Bearer a="'],
    ['one word', 'x', ''],
  ])('takes time in proportion to the length of %s', (_, unit, start = 'Bearer ') => {
    const fastest = (length: number) => {
      const header = start + unit.repeat(length / unit.length)
      let best = Number.POSITIVE_INFINITY
      for (let run = 0; run < 25; run++) {
        const begin = process.hrtime.bigint()
        for (let i = 0; i < 4; i++) parseChallenges(header)
        best = Math.min(best, Number(process.hrtime.bigint() - begin))
      }
      return best
    }
    fastest(2_000)
    // Sixteen times the length: a linear parser needs about 16 times as long, a quadratic one 256 times.
    expect(fastest(16_000) / fastest(1_000)).toBeLessThan(100)
  })
})
