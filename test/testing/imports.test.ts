import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const { exports, dependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))

/** All that an entry point loads, at once or later: files of the project, and names of packages. */
function loadedBy(entry: string): Set<string> {
  const loaded = new Set<string>()
  const open = [new URL(entry, root)]
  for (const file of open) {
    const path = relative(fileURLToPath(root), fileURLToPath(file))
    if (loaded.has(path)) continue
    loaded.add(path)
    if (!path.endsWith('.ts')) continue
    const source = readFileSync(file, 'utf8').replace(/^(?:import|export) type [^;]*?from '.*'$/gm, '')
    for (const [, , name = ''] of source.matchAll(/^((?:import|export|\}) ?.*?from |.*\bimport\()'([^']+)'/gm)) {
      if (name.startsWith('.')) open.push(new URL(name, file))
      else loaded.add(name)
    }
  }
  return loaded
}

const source = (target: { default: string }) => target.default.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts')
const inProduction = Object.entries<{ default: string }>(exports).filter(([path]) => !/testing|json/.test(path))

describe('the test kit', () => {
  it.each(inProduction)('is not loaded by what production uses: %s', (_, target) => {
    const loaded = [...loadedBy(source(target))]
    expect(loaded.length).toBeGreaterThan(5)
    expect(loaded.filter((file) => file.startsWith('src/testing/'))).toEqual([])
  })

  it('loads no package but those that production has, and no test runner', () => {
    const loaded = [...loadedBy('src/testing/index.ts')]
    const packages = loaded.filter((name) => !/^src\/|^node:(?!test)/.test(name))
    expect(loaded).toContain('src/testing/test-api.ts')
    expect(packages.length).toBeGreaterThan(2)
    // axios is loaded by the first token request of a manager without a `transport`.
    expect(packages.filter((name) => name !== 'axios' && !Object.hasOwn(dependencies, name))).toEqual([])
  })
})
