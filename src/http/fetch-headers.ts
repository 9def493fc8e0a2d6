import { type HeaderRecord, headerOf, removeHeader } from './authorization-header.ts'
import type { Header } from './token-headers.ts'

/** A caller's headers: an object stays one, everything else that fetch takes becomes a list. */
export type CallerHeaders = HeaderRecord | readonly Header[]

/**
 * A copy of the headers that a caller gave to fetch.
 * @throws TypeError for what fetch does not take either
 */
export function readHeaders(given: unknown): CallerHeaders {
  if (given === undefined) return {}
  const isRecord = typeof given === 'object' && given !== null && !(Symbol.iterator in given)
  if (isRecord) return { ...given }
  return [...(given instanceof Headers ? given : new Headers(given as never))]
}

/** Whether the caller gave a header that says something. @param name in lower case */
export function isGiven(headers: CallerHeaders, name: string): boolean {
  if (isList(headers)) return headers.some(([each, value]) => each === name && value !== '')
  return headerOf(headers, name) !== undefined
}

/** The caller's headers with these of ours, which take the place of what has their names. */
export function withOurs(
  headers: CallerHeaders,
  ours: readonly Header[],
  names: readonly string[],
): NonNullable<RequestInit['headers']> {
  if (isList(headers)) return [...withoutHeaders(headers, names), ...ours] as [string, string][]
  const all: HeaderRecord = { ...headers }
  for (const name of names) removeHeader(all, name)
  for (const [name, value] of ours) all[name] = value
  return all as Record<string, string>
}

/** The headers without those of these names, which are in lower case. */
export function withoutHeaders(headers: CallerHeaders, names: readonly string[]): readonly Header[] {
  const list = isList(headers) ? headers : (Object.entries(headers) as unknown as readonly Header[])
  return list.filter(([name]) => !names.includes(name.toLowerCase()))
}

const isList = (headers: CallerHeaders): headers is readonly Header[] => Array.isArray(headers)
