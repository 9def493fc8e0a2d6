import { type HeaderRecord, headerOf, removeHeader } from './authorization-header.ts'
import type { Header } from './token-headers.ts'

/** A caller's headers: a list of names and values in turn stays one, everything else that undici takes is a record. */
export type CallerHeaders = HeaderRecord | readonly unknown[]

/** A copy of the headers that a caller gave to undici; `undefined` for what it does not take. */
export function readHeaders(given: unknown): CallerHeaders | undefined {
  if (given === undefined || given === null) return {}
  if (typeof given !== 'object') return undefined
  if (Array.isArray(given) && !Array.isArray(given[0])) return given.length % 2 === 0 ? [...given] : undefined
  if (!(Symbol.iterator in given)) return { ...given }
  const record: HeaderRecord = {}
  for (const pair of given as Iterable<unknown>) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined
    const [name, value] = pair
    record[name] = name in record ? [record[name], value].flat() : value
  }
  return record
}

/** The value of a header that says something, in whatever spelling it is set. @param name in lower case */
export function ownValue(headers: CallerHeaders, name: string): unknown {
  if (!isList(headers)) return headerOf(headers, name)
  return headers.find((value, i) => i % 2 === 1 && isNamed(headers[i - 1], name) && value != null && value !== '')
}

/** The caller's headers with these of ours, which take the place of what has their names. */
export function withOurs(headers: CallerHeaders, ours: readonly Header[], names: readonly string[]): CallerHeaders {
  if (isList(headers)) {
    const isTheirs = (i: number) => !names.some((name) => isNamed(headers[i - (i % 2)], name))
    return [...headers.filter((_, i) => isTheirs(i)), ...ours.flat()]
  }
  const all = { ...headers }
  for (const name of names) removeHeader(all, name)
  for (const [name, value] of ours) all[name] = value
  return all
}

const isNamed = (each: unknown, name: string): boolean => String(each).toLowerCase() === name

const isList = (headers: CallerHeaders): headers is readonly unknown[] => Array.isArray(headers)
