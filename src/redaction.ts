const HIDDEN = '[redacted]'

// C0 and C1 controls (which hold ANSI escapes), bidirectional overrides and isolates, zero-width
// characters, line and paragraph separators, the byte order mark.
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]+/g

// Shorter values would blank out ordinary words without hiding anything.
const SHORTEST_SECRET = 4

/** Text that is safe to show: every secret replaced, nothing a terminal would act on, bounded in length. */
export function redactText(text: string, secrets: Iterable<string>, maxLength = 300): string {
  // Bounded before the search, so that a hostile megabyte costs nothing; generously, so that a
  // secret that straddles the final cut is still seen whole.
  let result = text.slice(0, maxLength * 8)
  const longestFirst = [...secrets].filter((s) => s.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length)
  for (const secret of longestFirst) result = result.replaceAll(secret, HIDDEN)
  result = result.replace(UNPRINTABLE, ' ').trim()
  for (const secret of longestFirst) result = result.replaceAll(secret, HIDDEN)
  return result.length > maxLength ? `${result.slice(0, maxLength - 1)}…` : result
}

/** The spellings in which a secret can come back from a server: itself, form-encoded, Base64. */
export function spellings(secret: string): string[] {
  const formEncoded = new URLSearchParams([['', secret]]).toString().slice(1)
  return [...new Set([secret, formEncoded, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])]
}
