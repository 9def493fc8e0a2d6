import { TokenError, type TokenManager } from 'evertoken'
import { createTokenFetch, type TokenFetch } from 'evertoken/fetch'

/** The code under test: it is handed its token manager, and does not make one. */
export class OrderService {
  readonly #tokens: TokenManager
  readonly #apiUrl: string
  readonly #fetch: TokenFetch<never>

  constructor(tokens: TokenManager, apiUrl: string, fetch: typeof globalThis.fetch = globalThis.fetch) {
    this.#tokens = tokens
    this.#apiUrl = apiUrl
    this.#fetch = createTokenFetch(tokens, { origins: [apiUrl], fetch })
  }

  async openOrders(): Promise<number[]> {
    const response = await this.#fetch(`${this.#apiUrl}/orders`)
    if (!response.ok) throw new Error(`The API answered ${response.status}`)
    return (await response.json()) as number[]
  }

  async cancel(order: number): Promise<void> {
    const url = `${this.#apiUrl}/orders/${order}`
    const response = await this.#fetch(url, { method: 'DELETE', token: { scope: 'orders.write' } })
    if (!response.ok) throw new Error(`The API answered ${response.status}`)
  }

  /** For a startup probe: whether there has been a token. */
  async isReady(): Promise<boolean> {
    try {
      await this.#tokens.ready()
      return true
    } catch (error) {
      if (error instanceof TokenError) return false
      throw error
    }
  }
}
