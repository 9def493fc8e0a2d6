import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ownOptions } from '../src/option-values.ts'
import { managed } from './support/managed.ts'

const NAMES = ['scope', 'signal']

describe('options', () => {
  it.each<[string, unknown, string]>([
    ['a promise', Promise.resolve({ scope: 'read' }), 'is a promise. Await it.'],
    ['a map', new Map([['scope', 'read']]), 'not an instance of Map'],
    ['a signal', new AbortController().signal, 'not an instance of AbortSignal'],
    ['a manager', managed().tokens, 'not an instance of TokenManager'],
    ['a handle', managed().tokens.source(), 'not an instance of TokenSource'],
  ])('are not what keeps all it has elsewhere: %s', (_, given, message) => {
    expect(() => ownOptions(given, '', NAMES)).toThrow(TypeError)
    expect(() => ownOptions(given, '', NAMES)).toThrow(message)
  })

  it.each<[string, object]>([
    ['none', {}],
    ['none, without a prototype', Object.create(null)],
    ['none of their own', Object.create({ scope: 'read' })],
    ['none, in an object of another realm', runInNewContext('({})')],
  ])('may be %s', (_, given) => {
    expect(Object.keys(ownOptions(given, '', NAMES))).toEqual([])
  })

  it('may be the fields of a class', () => {
    class Options {
      scope = 'read'
    }
    expect(ownOptions(new Options(), '', NAMES)).toMatchObject({ scope: 'read' })
  })
})
