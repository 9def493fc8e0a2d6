import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readClientOptions } from '../src/client-options.ts'
import { TokenEventEmitter, type TokenEvents } from '../src/events.ts'
import { logEvents, type TokenLogger } from '../src/logger.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const filesIn = (folder: string, ending: string) =>
  readdirSync(join(root, folder)).filter((name) => name.endsWith(ending))

const documents = ['README.md', ...filesIn('docs', '.md').map((name) => `docs/${name}`)]
const examples = ['examples', 'examples/recipes', 'examples/testing', 'examples/migration'].flatMap((folder) =>
  existsSync(join(root, folder)) ? filesIn(folder, '.ts').map((name) => `${folder}/${name}`) : [],
)

describe('code in the documents', () => {
  // Comments in a document explain what the file beside it need not.
  const withoutComments = (code: string) => code.replace(/^\/\/.*\n/gm, '').replace(/ +\/\/ .*$/gm, '')
  const blocksOf = (path: string) => [...read(path).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
  const blocks = documents.flatMap((path) =>
    blocksOf(path).map((code, i): [string, number, string] => [path, i + 1, code]),
  )

  it.each(blocks)('is taken from an example, which is checked and run: %s, block %i', (_, __, code) => {
    const sources = examples.filter((path) => `\n${withoutComments(read(path))}`.includes(`\n${withoutComments(code)}`))
    expect(sources, code).not.toEqual([])
  })

  it('is there in the README', () => {
    expect(blocks.filter(([path]) => path === 'README.md').length).toBeGreaterThan(4)
  })

  it.each(examples)('leads to the whole file: %s', (path) => {
    expect(documents.filter((document) => read(document).includes(`${path})`))).not.toEqual([])
  })
})

/** A section of a document, without the sections under it. */
function section(document: string, heading: string): string {
  const found = read(document)
    .split(/^#+ /m)
    .find((text) => text.startsWith(`${heading}\n`))
  return found ?? expect.unreachable(`${document} has no section "${heading}"`)
}

/** The rows of a section's table: the name in the first cell, and the other cells. */
function rows(heading: string): [name: string, ...cells: string[]][] {
  const [, document = ''] = TABLES.find(([name]) => name === heading) ?? []
  const lines = section(document, heading)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  return lines.map((line) => {
    const [name = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    return [name.replaceAll('`', ''), ...cells]
  })
}

const inCode = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

const TABLES: readonly (readonly [heading: string, document: string, file: string, type: string, names: string])[] = [
  ['Client options', 'docs/options.md', 'client-options.ts', 'ClientOptions', 'keyof ClientOptions'],
  [
    'Manager options',
    'docs/options.md',
    'token-manager.ts',
    'TokenManagerSettings',
    "keyof TokenManagerSettings | 'clients'",
  ],
  [
    'Options of one call',
    'docs/options.md',
    'token-manager.ts',
    'TokenRequest',
    'Exclude<keyof TokenRequest, keyof TokenParameterOptions>',
  ],
  [
    'Attach options',
    'docs/options.md',
    'http/axios.ts',
    'AttachOptions',
    'Exclude<keyof AttachOptions, keyof TokenParameterOptions>',
  ],
  ['Errors', 'docs/errors.md', 'errors.ts', 'TokenErrorCode', 'TokenErrorCode'],
  ['Events', 'docs/events.md', 'events.ts', 'TokenEvents', 'keyof TokenEvents'],
]

describe('a table of the documents', () => {
  const project = mkdtempSync(join(tmpdir(), 'evertoken-readme-'))
  afterAll(() => rmSync(project, { recursive: true }))
  let complaints: string[] = []

  // The compiler knows all names: for one that is missing or invented it complains, and says which.
  beforeAll(async () => {
    const importing = (type: string, file: string) =>
      `import type { ${type} } from ${JSON.stringify(join(root, 'src', file))}`
    for (const [heading, , file, type, names] of TABLES) {
      const members = rows(heading).map(([name, , carries = '']) => {
        if (heading !== 'Events') return `${name}: 0,`
        const fields = inCode(carries).map((field) => `${field}: 0`)
        return `${name}: { ${fields} } satisfies Record<Exclude<keyof TokenEvents['${name}'], 'client' | 'scope' | 'subject'>, 0>,`
      })
      const lines = [
        importing('TokenParameterOptions', 'token-parameters.ts'),
        importing(type, file),
        'export const names = {',
        ...members,
      ]
      const source = [...lines, `} satisfies Record<${names}, unknown>`, 'export type { TokenParameterOptions }']
      writeFileSync(join(project, `${heading}.mts`), source.join('\n'))
    }
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { typeRoots: [join(root, 'node_modules/@types')] },
      include: ['*.mts', ...['examples/*.ts', 'examples/**/*.d.ts', 'src/*.d.ts'].map((path) => join(root, path))],
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const check = promisify(execFile)(process.execPath, [tsc, '-p', project], { cwd: root })
    complaints = await check.then(
      () => [],
      (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`.split(/\n(?! )/),
    )
  })

  it.each(TABLES)('names all there is and nothing else: %s', (heading) => {
    expect(rows(heading).length).toBeGreaterThan(2)
    expect(complaints.filter((line) => line.includes(`${heading}.mts`))).toEqual([])
  })

  it('stands beside examples that are well typed', () => {
    // The sources have a check of their own.
    expect(complaints.filter((line) => !/^$|^src\/|\.mts/.test(line))).toEqual([])
  })

  it('names only client options that are accepted', () => {
    for (const [name] of rows('Client options')) {
      const complaint = /is not an option/
      expect(() => readClientOptions({ [name]: Symbol('of a wrong type') }, 'default', '')).not.toThrow(complaint)
    }
  })

  it('gives the defaults of client options that are numbers or flags', () => {
    const settings = readClientOptions(
      { issuer: 'https://auth.example.com', clientId: 'a', clientSecret: 'b' },
      'default',
      '',
    )
    const defaults = { ...settings, ...settings.limits } as unknown as Record<string, unknown>
    const literal = /^`([\d_]+|true|false)`$/
    const stated = rows('Client options').filter(([, , value = '']) => literal.test(value))
    expect(stated.length).toBeGreaterThan(8)
    for (const [name, , value = ''] of stated) {
      expect({ [name]: defaults[name] }).toEqual({ [name]: JSON.parse(value.replace(/[`_]/g, '')) })
    }
  })

  it('gives the level at which each event is logged', () => {
    const events = new TokenEventEmitter()
    const levels: [event: unknown, level: string][] = []
    const writer = (level: string) => (fields: { event?: unknown }) => levels.push([fields.event, level])
    const logger: Record<keyof TokenLogger, (fields: object) => unknown> = {
      ...{ debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') },
    }
    logEvents(events, logger as TokenLogger)
    const table = rows('Events')
    for (const [name] of table) events.emit(name as keyof TokenEvents, () => ({}) as never)
    const logged = table.filter(([, , , level]) => level !== 'not logged')
    expect(levels).toEqual(logged.map(([name, , , level]) => [name, level]))
  })
})

describe('the documents', () => {
  const linksOf = (path: string) => [...read(path).matchAll(/\[([^\]]+)\]\(([^)\s]+)\)/g)]
  const links = documents.flatMap((path) =>
    linksOf(path).map(([, text = '', target = '']): [string, string, string] => [path, text, target]),
  )

  it.each(links.filter(([, , target]) => !/^(https?:|#)/.test(target)))(
    'link to what there is: %s, %s, %s',
    (path, text, target) => {
      const file = join(dirname(path), target.replace(/#.*$/, ''))
      expect(existsSync(join(root, file))).toBe(true)
      if (!file.startsWith('src/')) return
      // A link that names a function promises to find it there.
      for (const code of inCode(text)) expect(read(file)).toContain(/[\w#]*$/.exec(code)?.[0])
    },
  )

  it.each(links.filter(([, , target]) => /^[^:]*#/.test(target)))(
    'link to sections there are: %s, %s, %s',
    (path, _, target) => {
      const [file = '', section] = target.split('#')
      const headings = [...read(file === '' ? path : join(dirname(path), file)).matchAll(/^#+ (.*)$/gm)]
      const anchors = headings.map(([, heading = '']) => heading.toLowerCase().replace(/[^\w -]/g, ''))
      expect(anchors.map((anchor) => anchor.replaceAll(' ', '-'))).toContain(section)
    },
  )

  it('name npm scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const named = documents.flatMap((path) =>
      [...read(path).matchAll(/npm (?:run ([\w:-]+)|(start|test))/g)].map(([, run, short]) => run ?? short),
    )
    expect(named).toEqual(expect.arrayContaining(['start', 'test']))
    expect(named.filter((name) => !Object.hasOwn(scripts, name ?? ''))).toEqual([])
  })

  const filesNamedIn = (path: string) =>
    [...read(path).matchAll(/`((?:src|test|examples|docs|scripts)\/[\w/.-]*)`/g)].map(([, file = '']) => file)

  it('name files of the project that there are', () => {
    expect(documents.flatMap(filesNamedIn).filter((file) => !existsSync(join(root, file)))).toEqual([])
  })

  it('name in the architecture what the sources name so', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.ts$/.test(file),
    )
    const sources = files.map((file) => read(`src/${file}`)).join()
    const prose = read('docs/architecture.md').replace(/^```.*?^```$/gms, '')
    const names = inCode(prose).flatMap(
      (code) => /^[\w.#]*?(#?\w+)(\(.*\))?$/.exec(code.replace(/\.ts$/, ''))?.[1] ?? [],
    )
    expect(names.length).toBeGreaterThan(50)
    expect(names.filter((name) => !sources.includes(name))).toEqual([])
  })

  it('link a name to the source file that has it', () => {
    const links = documents.flatMap((path) => [...read(path).matchAll(/\[`([^`]+)`\]\(\.\.\/(src\/[^)]+\.ts)\)/g)])
    const names = links.map(([, name = '', file = '']) => ({ name: name.replace(/^.*\./, ''), file }))
    expect(names.length).toBeGreaterThan(15)
    const absent = names.filter(({ name, file }) => name !== 'ts' && !read(file).includes(name))
    expect(absent).toEqual([])
  })

  it('show the place of every source file, and of none that is gone', () => {
    const [, tree = ''] = /^```\n(.*?)^```$/ms.exec(read('docs/architecture.md')) ?? []
    const shown = [...tree.matchAll(/^ *(\S+\.ts)/gm)].map(([, file = '']) => file)
    const mentioned = filesNamedIn('docs/architecture.md').map((file) => file.replace(/^src\//, ''))
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    const sources = files.filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.startsWith('testing/'),
    )
    expect(sources.filter((file) => !shown.includes(file) && !mentioned.includes(file))).toEqual([])
    expect(shown.filter((file) => !sources.includes(file))).toEqual([])
  })

  it('give a reason for every dependency at run time, and have no install scripts to mention', () => {
    const { dependencies, peerDependencies, scripts } = JSON.parse(read('package.json'))
    const table =
      read('docs/security.md')
        .split('## Supply chain')[1]
        ?.match(/^\| `.*$/gm) ?? []
    const explained = table.map((row) => inCode(row)[0])
    expect(explained.sort()).toEqual(Object.keys({ ...dependencies, ...peerDependencies }).sort())
    expect(Object.keys(scripts)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(pre|post)?install$|^prepare$/)]),
    )
  })

  it('state the versions that package.json states', () => {
    const { engines, peerDependencies } = JSON.parse(read('package.json'))
    expect(section('README.md', 'Supported versions')).toContain(`Node ${engines.node.replace('>=', '')} or newer`)
    expect(section('README.md', 'Supported versions')).toContain(`axios \`${peerDependencies.axios}\``)
  })
})
