import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)
const versions = ['axios', 'axios-middle', 'axios-oldest'].map((name) => {
  const file = require.resolve(`${name}/package.json`)
  return [require(file).version as string, dirname(file)] as const
})

/** The messages of the compiler, none if it is content. */
async function compile(...options: string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options])
  return await run.then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }) => stdout + stderr,
  )
}

const COMPILER_OPTIONS = {
  target: 'ES2023',
  module: 'NodeNext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  allowImportingTsExtensions: true,
  noEmit: true,
}

// axios declares its types once more for CommonJS.
const COMMON_JS = `
import axios = require('axios')
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
const client = axios.create({ token: false })
attachTokenManager(client, new TokenManager({ tokenEndpoint: 'https://a.example', clientId: 'a', clientSecret: 'b' }))
client.get('/', { token: { scope: 'a' } })
// @ts-expect-error misspelt
client.get('/', { token: { scopes: 'a' } })
`

describe('the published types', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertoken-types-'))
    const declarations = ['--noCheck', '--emitDeclarationOnly', '--outDir', join(folder, 'dist')]
    expect(await compile('-p', join(root, 'tsconfig.build.json'), ...declarations)).toBe('')
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** A project that has installed the package and this axios. */
  async function projectWith(axios: string): Promise<string> {
    const project = await mkdtemp(join(folder, 'project-'))
    const modules = join(project, 'node_modules')
    await mkdir(join(modules, 'evertoken'), { recursive: true })
    await cp(join(folder, 'dist'), join(modules, 'evertoken/dist'), { recursive: true })
    await cp(join(root, 'package.json'), join(modules, 'evertoken/package.json'))
    await symlink(axios, join(modules, 'axios'))
    for (const name of ['@types', 'vitest']) await symlink(join(root, 'node_modules', name), join(modules, name))
    await cp(join(root, 'test/http/axios-types.test.ts'), join(project, 'module.mts'))
    await writeFile(join(project, 'common.cts'), COMMON_JS)
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }))
    return project
  }

  it.each(versions)('are right with axios %s', async (_, axios) => {
    expect(await compile('-p', await projectWith(axios))).toBe('')
  })
})
