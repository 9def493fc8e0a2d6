/** A request as a fetch function is given it, and what it comes to. */
export interface FetchRequest {
  readonly input: unknown
  readonly init: RequestInit
  readonly url: string
  readonly method: string
  readonly authorization: string | null
  readonly headers: Headers
  readonly body: string
}

/** A fetch function: notes what would be sent, and answers at once. */
export class FetchApi {
  readonly requests: FetchRequest[] = []
  answer: (request: FetchRequest) => Response | Promise<Response> = () => new Response('done')

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(input, init)
    const { url, method, headers } = request
    const authorization = headers.get('authorization')
    const noted = { input, init, url, method, authorization, headers, body: await request.text() }
    this.requests.push(noted)
    return await this.answer(noted)
  }

  /** The `Authorization` of each request, in order. */
  get authorizations(): (string | null)[] {
    return this.requests.map((request) => request.authorization)
  }
}
