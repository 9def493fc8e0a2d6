import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Comparison, Group, Survey } from './harness.ts'

/** The names of all files with benchmarks, in alphabetical order. */
export function benchmarkFiles(): string[] {
  const names = readdirSync(fileURLToPath(new URL('.', import.meta.url)))
  return names.filter((name) => name.endsWith('.bench.ts')).sort()
}

/** The benchmarks of one file. */
export async function loadGroup(file: string): Promise<Group> {
  const { group } = (await import(`./${file}`)) as { group: Group }
  return group
}

/** One benchmark. */
export async function findRow(file: string, name: string): Promise<Comparison | Survey> {
  const row = (await loadGroup(file)).rows.find((each) => each.name === name)
  if (row === undefined) throw new Error(`${file} has no row ${name}`)
  return row
}
