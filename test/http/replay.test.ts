import { Readable } from 'node:stream'
import FormDataStream from 'form-data'
import * as undici from 'undici'
import { describe, expect, it } from 'vitest'
import { canSendTwice, mayReplay } from '../../src/http/replay.ts'

describe('mayReplay', () => {
  it.each([
    ['GET', true],
    ['head', true],
    ['Options', true],
    ['PUT', true],
    ['delete', true],
    ['TRACE', true],
    [undefined, true],
    ['POST', false],
    ['patch', false],
    ['CONNECT', false],
    ['PURGE', false],
    ['', false],
  ])('knows the idempotent methods of RFC 9110 §9.2.2: %s', (method, isIdempotent) => {
    expect(mayReplay('idempotent', method)).toBe(isIdempotent)
    expect(mayReplay('all', method)).toBe(true)
    expect(mayReplay('none', method)).toBe(false)
  })
})

describe('canSendTwice', () => {
  const form = new FormData()
  form.set('file', new Blob(['x']), 'x.txt')

  it.each([
    ['a form of undici’s own', new undici.FormData()],
    ['nothing', undefined],
    ['null', null],
    ['a string', 'text'],
    ['an empty string', ''],
    ['a number', 1],
    ['false', false],
    ['an object', { a: 1 }],
    ['an object without prototype', Object.create(null)],
    ['an array', [1]],
    ['a Buffer', Buffer.from('x')],
    ['a typed array', new Uint16Array(1)],
    ['a DataView', new DataView(new ArrayBuffer(1))],
    ['an ArrayBuffer', new ArrayBuffer(1)],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1)],
    ['URLSearchParams', new URLSearchParams('a=1')],
    ['FormData', form],
    ['a Blob', new Blob(['x'])],
    ['a File', new File(['x'], 'x.txt')],
  ])('is true of what stays whole: %s', (_, body) => {
    expect(canSendTwice(body)).toBe(true)
  })

  it.each([
    ['a stream of Node', () => Readable.from(['x'])],
    ['a stream of the web', () => new Blob(['x']).stream()],
    ['a generator', () => (function* () {})()],
    ['an async generator', () => (async function* () {})()],
    ['an iterator', () => [1].values()],
    ['an async iterable', () => ({ [Symbol.asyncIterator]: () => {} })],
    ['a function', () => () => {}],
    ['a form of form-data', () => new FormDataStream()],
    ['anything that pipes', () => ({ pipe: () => {} })],
  ])('is false of what is used up by sending: %s', (_, body) => {
    expect(canSendTwice(body())).toBe(false)
  })
})
