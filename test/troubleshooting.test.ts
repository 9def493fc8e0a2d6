import { inspect } from 'node:util'
import { TokenError } from 'evertoken'
import { describe, expect, it } from 'vitest'
import { ADDRESSES } from './troubleshooting/addresses.ts'
import { CREDENTIALS } from './troubleshooting/credentials.ts'
import { KEYS } from './troubleshooting/keys.ts'
import type { Mistake } from './troubleshooting/mistake.ts'
import { NETWORK } from './troubleshooting/network.ts'
import { NAMES, VALUES } from './troubleshooting/options.ts'
import { REQUESTS, STORE } from './troubleshooting/requests.ts'
import { SERVERS } from './troubleshooting/servers.ts'

const ALL = [CREDENTIALS, ADDRESSES, NAMES, VALUES, SERVERS, KEYS, NETWORK, REQUESTS, STORE]

/** What came of a mistake. */
interface Told {
  readonly error: Error
  readonly name: string
  readonly text: string
  readonly atOnce: boolean
}

const told = new Map<Mistake, Told>()

async function errorOf(make: () => unknown): Promise<{ error: unknown; atOnce: boolean }> {
  let result: unknown
  try {
    result = make()
  } catch (error) {
    return { error, atOnce: true }
  }
  return {
    error: await Promise.resolve(result).then(
      () => undefined,
      (error: unknown) => error,
    ),
    atOnce: false,
  }
}

async function tellsOf(mistake: Mistake): Promise<Told> {
  const { error, atOnce } = await errorOf(mistake.make)
  if (error instanceof TokenError) return { error, name: error.code, text: error.hint ?? '', atOnce }
  if (error instanceof TypeError)
    return { error, name: 'TypeError', text: error.message.replace('evertoken: ', ''), atOnce }
  if (error instanceof Error && 'event' in error)
    return { error, name: String(error.event), text: error.message, atOnce }
  throw error ?? new Error('The mistake was not told')
}

describe.each(ALL)('a mistake is told by one error that names it: $heading', ({ mistakes }) => {
  it.each(mistakes)('$mistake', async (mistake) => {
    const result = await tellsOf(mistake)
    told.set(mistake, result)
    expect({ error: result.name, text: result.text }).toEqual({
      error: mistake.error,
      text: expect.stringContaining(mistake.says),
    })
    if (result.name === 'TypeError') expect(result.error.message).toMatch(/^evertoken: /)
    expect(`${inspect(result.error, { depth: 9, showHidden: true })}${JSON.stringify(result.error)}`).not.toMatch(
      /Marker|right\W?secret/,
    )
  })
})

/** The document, made of what the mistakes above have come to. */
function document(): string {
  const cell = (text: string) =>
    text
      .replaceAll('|', '\\|')
      .replaceAll('<', '\\<')
      .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:8443')
  const row = (mistake: Mistake) => {
    const { name, atOnce, text } = told.get(mistake) as Told
    const said = text.startsWith('reason: ') ? `\`${text}\`` : text
    return `| ${cell(mistake.mistake)} | \`${name}\`${atOnce ? '' : ' *'} | ${cell([said, mistake.remedy].filter(Boolean).join('. ').trim())} |`
  }
  const sections = ALL.map(({ heading, mistakes }) =>
    [`## ${heading}`, '', '| Mistake | Error | It says |', '|---|---|---|', ...mistakes.map(row), ''].join('\n'),
  )
  return [INTRODUCTION, ...sections].join('\n')
}

const INTRODUCTION = `# Troubleshooting

What often goes wrong with the configuration, and the error that tells about it. Each row is made by a test, which
makes the mistake at a real server on this machine; look for the words of your error.

A \`TypeError\` names the option; it is thrown where the option is given. Any other name is the \`code\` of a \`TokenError\`,
and the words are its \`hint\`; an error marked with * comes with the first request, because it takes the server to
find out. What a server said itself is in \`error\` and \`errorDescription\`. Some mistakes fail nothing, and an
[event](events.md) tells about them: \`storeFailed\`, \`authorizationKept\` and \`freshTokenRejected\`. [All codes](errors.md).
`

it('the document holds all of them, in the words of today', async () => {
  expect(told.size).toBe(ALL.flatMap(({ mistakes }) => mistakes).length)
  // To write it anew: npx vitest run -u test/troubleshooting.test.ts
  await expect(document()).toMatchFileSnapshot('../docs/troubleshooting.md')
})
