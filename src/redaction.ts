const HIDDEN = '[redacted]'

// Line ends, tabs and separators part words.
const BREAKS = /[\t-\r\u0085\u2028\u2029]+/g

// Everything else that shows nothing but acts: control characters (which begin terminal escapes),
// bidirectional overrides, zero-width and tag characters, byte order marks, halves of surrogate pairs.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}]+/gu

// Shorter values would blank out ordinary words without hiding anything.
const SHORTEST_SECRET = 4

/**
 * Text that is safe to show: every secret of four characters or more replaced, nothing in it that a
 * terminal would act on, at most `maxLength` characters. Of a longer text only the first
 * `8 * maxLength` characters are looked at.
 */
export function redactText(text: string, secrets: Iterable<string>, maxLength = 300): string {
  const searched = clean(text.slice(0, maxLength * 8))
  // Searched only after cleaning, so that a zero-width character cannot split a secret in two.
  const known = [...secrets].map((secret) => clean(secret).trim()).filter((s) => s.length >= SHORTEST_SECRET)
  const result = hide(searched, known, text.length > maxLength * 8).trim()
  return result.length > maxLength ? `${result.slice(0, maxLength - 1).replace(/\p{Cs}$/u, '')}…` : result
}

/** The spellings in which a secret can come back: itself, form- and percent-encoded, in JSON, in Base64. */
export function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const formEncoded = new URLSearchParams([['', secret]]).toString().slice(1)
  // encodeURIComponent throws on half a surrogate pair, which the way through bytes replaces.
  const encoded = [formEncoded, encodeURIComponent(bytes.toString())]
  return [
    ...new Set([
      secret,
      ...encoded,
      ...encoded.map((text) => text.replace(/%../g, (triplet) => triplet.toLowerCase())),
      JSON.stringify(secret).slice(1, -1),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ]),
  ]
}

function clean(text: string): string {
  return text.replace(BREAKS, ' ').replace(INVISIBLE, '')
}

/** Replaces whatever belongs to a secret, also where several overlap or the text was `cut` inside one. */
function hide(text: string, secrets: readonly string[], cut: boolean): string {
  const hidden: [start: number, end: number][] = []
  for (const secret of secrets) {
    for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) {
      hidden.push([at, at + secret.length])
    }
    const cutAt = cut ? startOfPartAtEnd(text, secret) : text.length
    if (cutAt < text.length) hidden.push([cutAt, text.length])
  }
  let result = ''
  let done = 0
  for (const [start, end] of hidden.sort((a, b) => a[0] - b[0])) {
    if (start >= done) result += text.slice(done, start) + HIDDEN
    done = Math.max(done, end)
  }
  return result + text.slice(done)
}

/** Where the beginning of a secret ends `text`; the length of `text` if none does. */
function startOfPartAtEnd(text: string, secret: string): number {
  let start = Math.max(0, text.length - secret.length + 1)
  while (start < text.length && !secret.startsWith(text.slice(start))) start += 1
  return start
}
