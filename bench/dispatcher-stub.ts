import type { Dispatcher } from 'undici'

const DOCUMENT = Buffer.from(JSON.stringify({ id: 17 }))
const HEAD = [Buffer.from('content-type'), Buffer.from('application/json')]
const HEADERS = { 'content-type': 'application/json' }

// How undici 7 tells handlers about a request, and with it the fetch of Node 24.
interface EarlierHandler {
  onConnect(abort: () => void): void
  onHeaders(status: number, head: readonly Buffer[], resume: () => void, text: string): boolean
  onData(chunk: Buffer): boolean
  onComplete(trailers: readonly Buffer[]): void
}

/** The `dispatch` of a dispatcher that answers at once, in a later turn, and sends nothing. */
export function dispatchStub(_: unknown, handler: Dispatcher.DispatchHandler | EarlierHandler): boolean {
  setImmediate(() => ('onRequestStart' in handler ? answer(handler) : answerEarlier(handler as EarlierHandler)))
  return true
}

function answer(handler: Dispatcher.DispatchHandler): void {
  const controller: Dispatcher.DispatchController = {
    ...{ aborted: false, paused: false, reason: null, rawHeaders: null, rawTrailers: null },
    ...{ abort: () => {}, pause: () => {}, resume: () => {} },
  }
  handler.onRequestStart?.(controller, {})
  handler.onResponseStart?.(controller, 200, HEADERS, 'OK')
  handler.onResponseData?.(controller, DOCUMENT)
  handler.onResponseEnd?.(controller, {})
}

function answerEarlier(handler: EarlierHandler): void {
  handler.onConnect(() => {})
  handler.onHeaders(200, HEAD, () => {}, 'OK')
  handler.onData(DOCUMENT)
  handler.onComplete([])
}
