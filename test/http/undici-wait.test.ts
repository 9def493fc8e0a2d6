import type { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import { tokenInterceptor } from '../../src/http/undici.ts'
import { type FetchLike, TokenManager } from '../../src/index.ts'

// Answers nothing, until it is given up.
const hanging: FetchLike = (_url, { signal }) =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

const API = { origin: 'https://api.example.com', path: '/', method: 'GET' } as const

/** Dispatches a request whose token does not come. */
function dispatchWithoutToken(onRequestStart: (controller: Dispatcher.DispatchController) => void) {
  const tokens = new TokenManager({
    ...{ tokenEndpoint: 'https://auth.example.com/token', clientId: 'orders', clientSecret: 'correct horse' },
    transport: hanging,
  })
  const sent: unknown[] = []
  const errors: Error[] = []
  const inner: Dispatcher['dispatch'] = (options) => sent.push(options) > 0
  const dispatch = tokenInterceptor(tokens, { origins: [API.origin] })(inner)
  const onResponseError = (_: unknown, error: Error) => errors.push(error)
  dispatch(API, { onRequestStart, onResponseError })
  return { tokens, sent, errors }
}

describe('a request that waits for its token', () => {
  it('has a controller that pauses, goes on and aborts like any other, once', async () => {
    let given: Dispatcher.DispatchController | undefined
    const { tokens, sent, errors } = dispatchWithoutToken((controller) => {
      given = controller
    })
    const controller = given ?? expect.fail('there is none')
    const { paused, aborted, reason, rawHeaders, rawTrailers } = controller
    expect({ paused, aborted, reason, rawHeaders, rawTrailers }).toEqual({
      ...{ paused: false, aborted: false, reason: null, rawHeaders: null, rawTrailers: null },
    })
    controller.pause()
    expect(controller.paused).toBe(true)
    controller.resume()
    expect(controller.paused).toBe(false)
    controller.abort(undefined as never)
    controller.abort(new Error('again'))
    expect(errors).toEqual([expect.objectContaining({ name: 'AbortError', code: 'UND_ERR_ABORTED' })])
    expect([controller.aborted, controller.reason]).toEqual([true, errors[0]])
    await tokens.close()
    expect([sent, errors.length]).toEqual([[], 1])
  })

  it('fails with what its handler throws, and is not sent', async () => {
    const { tokens, sent, errors } = dispatchWithoutToken(() => {
      throw new Error('not ready')
    })
    expect(errors).toEqual([expect.objectContaining({ message: 'not ready' })])
    await tokens.close()
    expect(sent).toEqual([])
  })
})
