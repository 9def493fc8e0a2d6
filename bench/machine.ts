import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, release, totalmem } from 'node:os'

/** On what and when was measured. */
export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Processes that wanted to run, on average over the minute before. */
  readonly load: number
  /** The packages that were measured. */
  readonly packages: Readonly<Record<string, string>>
}

/** Describes this machine as it is now. */
export function machine(): Machine {
  const own = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as Pick<
    Manifest,
    'dependencies'
  >
  const { resolve } = createRequire(import.meta.url)
  const versionOf = (name: string) => {
    const [path = ''] = resolve.paths(name) ?? []
    return (JSON.parse(readFileSync(`${path}/${name}/package.json`, 'utf8')) as Manifest).version
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release().replace(/-.*/, '')}`,
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    packages: Object.fromEntries(Object.keys(own.dependencies).map((name) => [name, versionOf(name)])),
  }
}

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}
