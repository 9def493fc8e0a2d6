import { apiOrigin, type Order, tokens } from './orders-service.ts'

// Stands for any client that is given a function and calls it for each request.
class OrdersClient {
  readonly #accessToken: () => Promise<string>

  constructor(options: { accessToken: () => Promise<string> }) {
    this.#accessToken = options.accessToken
  }

  async list(): Promise<Order[]> {
    const authorization = `Bearer ${await this.#accessToken()}`
    const response = await fetch(`${apiOrigin}/orders`, { headers: { authorization } })
    if (!response.ok) throw Object.assign(new Error('The API refused'), { status: response.status })
    return (await response.json()) as Order[]
  }
}

const source = tokens.source()
const client = new OrdersClient({ accessToken: source.getAccessToken })

/** The orders, asked for once more with another token if the API rejects the first. */
export async function listOrders(): Promise<Order[]> {
  const token = await source.getToken() // what the client is about to be given
  try {
    return await client.list()
  } catch (error) {
    if ((error as { status?: number }).status !== 401) throw error
    source.invalidate(token)
    return await client.list()
  }
}

console.log(await listOrders())
