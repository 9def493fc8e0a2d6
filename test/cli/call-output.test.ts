import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { printBody } from '../../src/cli/call-output.ts'
import { fc } from '../support/fast-check.ts'

/** What a terminal shows of a body that comes in these pieces. */
async function shown(pieces: readonly (string | Buffer)[], contentType: string): Promise<string> {
  const terminal = Object.assign(new PassThrough(), { isTTY: true })
  async function* body(): AsyncGenerator<Buffer> {
    for (const piece of pieces) yield Buffer.from(piece)
  }
  const printed = text(terminal)
  const answer = { status: 200, head: '', contentType, body: body() }
  await printBody(answer, terminal as unknown as NodeJS.WriteStream)
  terminal.end()
  return await printed
}

const JSON_TYPE = 'application/problem+json; charset=utf-8'

describe('an answer on a terminal', () => {
  it.each([
    [
      '{"a":[1,{"b":null}],"c":[ ],"d":{}}',
      '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": [],\n  "d": {}\n}\n',
    ],
    ['{"id":12345678901234567890,"price":1.00}', '{\n  "id": 12345678901234567890,\n  "price": 1.00\n}\n'],
    ['["a,b","{[:]}\\"\\\\"]', '[\n  "a,b",\n  "{[:]}\\"\\\\"\n]\n'],
    [' 1 ', '1\n'],
  ])('is indented, if it is JSON, and otherwise as it came: %s', async (json, printed) => {
    expect(await shown([json.slice(0, 3), json.slice(3)], JSON_TYPE)).toBe(printed)
  })

  it('means the same as what came, whatever JSON it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 4 }), async (json) => {
        expect(JSON.parse(await shown([json], JSON_TYPE))).toEqual(JSON.parse(json))
      }),
      { numRuns: 100 },
    )
  })

  it.each([
    ['what is not JSON, though it is called so', ['<html>'], JSON_TYPE, '<html>'],
    ['text as it is', ['{"a":1}\r\n'], 'text/plain', '{"a":1}\r\n'],
    ['a line break that comes in two pieces', ['a\r', '\nb'], 'text/plain', 'a\r\nb'],
    ['a carriage return at the end', ['a\r'], 'text/plain', 'a�'],
    ['letters by their charset', [Buffer.from([0xe4])], 'text/plain; charset=iso-8859-1', 'ä'],
    ['UTF-8 where the charset is unknown', ['ä'], 'text/plain; charset=klingon', 'ä'],
    ['letters that come in two pieces', [Buffer.from([0xc3]), Buffer.from([0xa4])], 'text/plain', 'ä'],
    ['nothing that it would obey', ['\u001b[2J\u0007\u009b1m\r'], 'text/plain', '�[2J��1m�'],
    ['nothing that it would obey in JSON', ['"\u009b"'], JSON_TYPE, '"�"\n'],
    ['nothing', [], JSON_TYPE, ''],
  ])('shows %s', async (_, pieces, type, printed) => {
    expect(await shown(pieces, type)).toBe(printed)
  })

  it('is not kept whole, however long it is', async () => {
    const long = `[${'1,'.repeat(600_000)}1]`
    expect(await shown([long.slice(0, 500_000), long.slice(500_000)], JSON_TYPE)).toBe(long)
  })

  it('is not indented without end', async () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    expect((await shown([deep], JSON_TYPE)).length).toBeLessThan(20_000)
  })
})
