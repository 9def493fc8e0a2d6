// Each holds the tests of an example, which run here.
import '../../examples/testing/vitest.test.ts'
import '../../examples/testing/time.test.ts'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { FaultKind } from '../../src/testing/index.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

describe('the examples of docs/testing-your-code.md', () => {
  it('run by node --test', async () => {
    const { PATH = '' } = process.env
    const flags = ['--no-warnings', '--experimental-strip-types', '--import', './test/support/package-source.mjs']
    const child = spawn(
      process.execPath,
      [...flags, '--test', '--test-reporter=tap', 'examples/testing/node-test.test.ts'],
      { cwd: root, env: { PATH }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(output + complaints).toContain('# pass 3\n# fail 0')
  })

  const folder = 'examples/testing/'
  const sources = readdirSync(new URL(folder, root)).map((name) => read(`${folder}${name}`))
  const blocks = [...read('docs/testing-your-code.md').matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)].map(([, code]) => code)

  it.each(blocks)('are what the page shows: %s', (code = '') => {
    expect(sources.filter((source) => source.includes(code))).toHaveLength(1)
  })

  it('stand beside a table of all faults', () => {
    const kinds: Record<FaultKind, 0> = {
      ...{ latency: 0, hang: 0, resetBeforeHeaders: 0, resetAfterHeaders: 0, truncatedBody: 0, malformedJson: 0 },
      ...{ wrongContentType: 0, html: 0, status: 0, tooManyRequests: 0, oauthError: 0, redirect: 0, hugeBody: 0 },
      ...{ slowDrip: 0 },
    }
    const rows = [...read('docs/testing-your-code.md').matchAll(/^\| `\{ kind: '(\w+)'/gm)].map(([, kind]) => kind)
    expect(rows.sort()).toEqual(Object.keys(kinds).sort())
  })

  it('are shown', () => {
    expect(blocks.length).toBeGreaterThan(5)
  })
})
