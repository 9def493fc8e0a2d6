import { readFileSync } from 'node:fs'
import { scenarios } from 'evertoken/testing'
import { describe, expect, it } from 'vitest'

const text = readFileSync(new URL('../../docs/scenarios.md', import.meta.url), 'utf8')
const all = Object.values(scenarios).flat()

describe('docs/scenarios.md', () => {
  it('shows a scenario as it is', () => {
    const shown = JSON.parse(/^```json\n(.*?)^```$/ms.exec(text)?.[1] ?? '{}')
    expect(all.find(({ name }) => name === shown.name)).toEqual(shown)
  })

  it('explains every member and every option that a scenario uses', () => {
    const steps = all.flatMap((scenario) => scenario.steps)
    const answers = steps.flatMap(({ answer = [], answerAll = {} }) => [...answer, answerAll])
    const used = [
      ...[...all, ...steps, ...answers].flatMap(Object.keys),
      ...steps
        .flatMap(({ expect = {}, call = {}, invalidate = {} }) => [expect, call, invalidate])
        .flatMap(Object.keys),
      ...all.flatMap(({ options = {} }) => Object.keys(options)),
    ]
    const explained = new Set([...text.matchAll(/`(\w+)`/g)].map(([, word]) => word))
    expect([...new Set(used)].filter((name) => !explained.has(name))).toEqual([])
  })

  it('names every state and outcome that is expected', () => {
    const expected = all.flatMap((scenario) => scenario.steps).map((step) => step.expect ?? {})
    const words = [
      ...expected.flatMap(({ state = [] }) => state),
      ...expected.flatMap(({ calls = {} }) => Object.values(calls)).filter((outcome) => typeof outcome === 'string'),
    ]
    const unexplained = new Set(words.filter((word) => !/^token-\d+$/.test(word) && !text.includes(word)))
    expect([...unexplained]).toEqual([])
  })
})
