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
    await this.#fetch(url, { method: 'DELETE', token: { scope: 'orders.write' } })
  }

  /** For a readiness probe. */
  async isReady(): Promise<boolean> {
    try {
      await this.#tokens.getToken()
      return true
    } catch (error) {
      if (error instanceof TokenError) return false
      throw error
    }
  }
}
