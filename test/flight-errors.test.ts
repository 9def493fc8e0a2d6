import { describe, expect, it } from 'vitest'
import { optionError } from '../src/errors.ts'
import { unexpectedError } from '../src/flight-errors.ts'

describe('a token request that fails in a way it must not', () => {
  it('says what is wrong with an option that could not be seen before', () => {
    const cause = optionError('clientSecret', 'must not be empty')
    const error = unexpectedError('orders', cause)
    expect(error).toMatchObject({ code: 'unexpected', client: 'orders', cause })
    expect(error.message).toBe(`The token request for client "orders" failed. ${error.hint}`)
    expect(error.hint).toBe('The option `clientSecret` must not be empty.')
  })

  it.each([new TypeError('x is not a function'), new RangeError('evertoken: no'), 'a text', undefined])(
    'points to the cause, and to who may be at fault: %o',
    (cause) => {
      const error = unexpectedError('orders', cause)
      expect(error.message).toBe(`The token request for client "orders" failed: look at \`cause\`. ${error.hint}`)
      expect(error.hint).toContain('function that evertoken was given')
    },
  )
})
