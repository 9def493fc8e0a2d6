import { describe, expect, it } from 'vitest'
import { canonicalDetails, canonicalJson, grantedDetails } from '../src/authorization-details.ts'
import { fc } from './support/fast-check.ts'

const canonical = (details: unknown) => canonicalDetails(details, 'authorizationDetails')

/** Lists in lists, this deep. */
const nested = (depth: number): unknown => (depth === 0 ? 'x' : [nested(depth - 1)])

describe('canonicalDetails', () => {
  it('E6: is the JSON of the details with the members in the order of their names', () => {
    const details = [
      { type: 'payment', amount: { value: '1.50', currency: 'EUR' }, steps: [2, 1], urgent: false, note: null },
      { actions: ['read'], type: 'account' },
    ]
    expect(canonical(details)).toBe(
      '[{"amount":{"currency":"EUR","value":"1.50"},"note":null,"steps":[2,1],"type":"payment","urgent":false},' +
        '{"actions":["read"],"type":"account"}]',
    )
  })

  it('is empty for no details', () => {
    expect(canonical([])).toBe('')
  })

  const json = fc.jsonValue({ maxDepth: 4, noUnicodeString: false })
  const members = fc.dictionary(fc.string({ maxLength: 3 }), json, { maxKeys: 4 })
  const details = fc.array(
    members.map((each) => ({ ...each, type: 't' })),
    { minLength: 1, maxLength: 3 },
  )

  /** The same data with the members of every object in another order. */
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed)
    if (typeof value !== 'object' || value === null) return value
    const turned = Object.entries(value).reverse()
    return Object.fromEntries(turned.map(([name, member]) => [name, reversed(member)]))
  }

  it('says what the details say, whatever order their members come in', () => {
    fc.assert(
      fc.property(details, (given) => {
        expect(JSON.parse(canonical(given))).toEqual(JSON.parse(JSON.stringify(given)))
        expect(canonical(reversed(given))).toBe(canonical(given))
      }),
    )
  })

  it('is the same for two lists of details exactly when they say the same', () => {
    const few = fc.constantFrom<unknown>(1, '1', true, null, [], {}, [1], ['1'], { a: 1 }, { a: '1' }, { b: 1 }, [[1]])
    const one = fc.record({ type: fc.constantFrom('a', 'b'), x: few }, { noNullPrototype: true })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 2 }), fc.array(one, { maxLength: 2 }), (a, b) => {
        let isSame = true
        try {
          expect(a).toStrictEqual(b)
        } catch {
          isSame = false
        }
        expect(canonical(a) === canonical(b)).toBe(isSame)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['a text', '[{"type":"a"}]'],
    ['an object', { type: 'a' }],
    ['null', null],
  ])('refuses %s in place of a list', (_, details) => {
    expect(() => canonical(details)).toThrow(TypeError)
    expect(() => canonical(details)).toThrow('`authorizationDetails` must be a list of objects. See RFC 9396 §2.')
  })

  it.each([
    ['no type', {}],
    ['an empty type', { type: '' }],
    ['a type that is no text', { type: 5 }],
    ['an inherited type', Object.create({ type: 'a' })],
    ['no object', 'a'],
    ['a function', Object.assign(() => {}, { type: 'a' })],
    ['null', null],
  ])('E6: refuses a detail with %s, and says which', (_, detail) => {
    expect(() => canonical([{ type: 'a' }, detail])).toThrow(
      '`authorizationDetails[1]` must be an object with a `type`',
    )
  })

  class Money {
    amount = 5
  }
  it.each([
    ['undefined', undefined],
    ['a function', () => {}],
    ['a method toJSON', { toJSON: () => 'x' }],
    ['a symbol', Symbol('x')],
    ['a large integer', 5n],
    ['what is no number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['an object of a class', new Money()],
    ['a hole in a list', new Array(1)],
  ])('refuses %s, and says where', (_, value) => {
    expect(() => canonical([{ type: 'a', x: [value] }])).toThrow(
      /^evertoken: option `authorizationDetails\[0\]\.x\[0\](\[0\]|\.toJSON)?` must be text, a finite number/,
    )
  })

  it('takes objects without a prototype', () => {
    expect(canonical([Object.assign(Object.create(null), { type: 'a' })])).toBe('[{"type":"a"}]')
  })

  it('refuses what is nested in itself, and too deeply', () => {
    const circle: Record<string, unknown> = { type: 'a' }
    circle.self = circle
    expect(() => canonical([circle])).toThrow('`authorizationDetails` is nested too deeply, or in a circle')
    expect(() => canonical([{ type: 'a', x: nested(100_000 / 20) }])).toThrow('nested too deeply')
    expect(() => canonicalJson(nested(32), 'x')).not.toThrow()
    expect(() => canonicalJson(nested(33), 'x')).toThrow('nested too deeply')
  })

  it('refuses parts that are shared until the text would have no end', () => {
    let shared: unknown = 'x'
    for (let i = 0; i < 30; i += 1) shared = [shared, shared]
    expect(() => canonical([{ type: 'a', shared }])).toThrow('holds more than 10000 values')
  })

  it('takes ten thousand values, and nothing that holds more beyond them', () => {
    // The list of details, the detail, its type and the list are values too.
    const detail = (items: number) => ({ type: 'a', x: [...Array(items).fill(1), []] })
    expect(() => canonical([detail(9995)])).not.toThrow()
    expect(() => canonical([detail(9996)])).toThrow('holds more than 10000 values')
  })

  it('reads every member once', () => {
    let reads = 0
    const detail = {
      type: 'a',
      get amount() {
        reads += 1
        return reads
      },
    }
    expect(canonical([detail])).toBe('[{"amount":1,"type":"a"}]')
  })
})

describe('grantedDetails', () => {
  it('E6: gives a copy of what was granted that nobody can change', () => {
    const answered = [{ type: 'account', accounts: [{ id: 'a-1' }], actions: ['read'] }]
    const granted = grantedDetails(answered)
    expect(granted).toEqual(answered)
    const [detail] = granted ?? expect.unreachable()
    const accounts = detail?.accounts as readonly object[]
    for (const part of [granted, detail, accounts, accounts[0]]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it.each([
    ['none', undefined],
    ['null', null],
    ['no list', { type: 'a' }],
    ['a detail without a type', [{ type: 'a' }, {}]],
    ['nested beyond belief', [{ type: 'a', x: nested(1000) }]],
  ])('gives none for %s', (_, details) => {
    expect(grantedDetails(details)).toBeUndefined()
  })

  it('keeps members with names of their own, such as __proto__, plain data', () => {
    const [detail] = grantedDetails(JSON.parse('[{"type":"a","__proto__":{"admin":true}}]')) ?? []
    expect(Object.getPrototypeOf(detail)).toBe(Object.prototype)
    expect(detail?.admin).toBeUndefined()
  })
})
