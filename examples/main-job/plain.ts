import type { AxiosInstance } from 'axios'
import type { TokenManager } from 'evertoken'
import type { Output } from './report.ts'

/** Asks for a token and says what came back, but never shows the token whole. */
export async function showToken(out: Output, tokens: TokenManager): Promise<void> {
  const token = await tokens.getToken()
  const text = token.reveal()
  // A few characters are enough to recognise it in a server's log, and too few to guess it from.
  const shortened = text.length < 32 ? '…' : `${text.slice(0, 4)}…`
  out.write(`token type  ${token.tokenType}\n`)
  out.write(`lifetime    ${token.lifetimeMs / 1000} s\n`)
  out.write(`scope       ${token.scope.join(' ') || '(none named)'}\n`)
  out.write(`token       ${shortened} (${text.length} characters)\n`)
}

/** Calls the API and says what it answered. The token goes along by itself. */
export async function callApi(out: Output, api: AxiosInstance, path: string): Promise<void> {
  const { status, data } = await api.get(path, { responseType: 'text' })
  out.write(`the API answered ${status}, ${String(data).length} characters\n\n`)
}
