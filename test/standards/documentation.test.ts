import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const fromRoot = (path: string) => new URL(`../../${path}`, import.meta.url)

/** The rows of docs/standards.md: id and test file. */
const ROWS = readFileSync(fromRoot('docs/standards.md'), 'utf8')
  .split('\n')
  .map((line) => /^\| ([QPEDFS]\d+) \|.*\| (?:`(\S+)`|none) \|$/.exec(line))
  .flatMap((found) => (found === null ? [] : [{ id: found[1] ?? '', file: found[2] }]))

describe('docs/standards.md', () => {
  it('has every row there is', () => {
    const counts = { Q: 15, P: 9, E: 9, D: 12, F: 9, S: 18 }
    const ids = Object.entries(counts).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
    )
    expect(ROWS.map(({ id }) => id)).toEqual(ids)
  })

  it.each(ROWS.filter(({ file }) => file !== undefined))('names a test of $id', ({ id, file = '' }) => {
    expect(existsSync(fromRoot(file)), file).toBe(true)
    expect(readFileSync(fromRoot(file), 'utf8')).toMatch(
      new RegExp(`['\`](?:[QPEDFS]\\d+, )*${id}(?:, [QPEDFS]\\d+)*: `),
    )
  })
})
