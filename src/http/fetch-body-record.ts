import { setImmediate as nextTurn } from 'node:timers/promises'

/** How much of a body is kept, in bytes. */
const MOST_BYTES = 1024 * 1024

/**
 * What went out as the body of a `Request`, kept for a second sending up to 1 MiB. A `Request` does not say what its
 * body was made of, and gives it once.
 */
export class BodyRecord {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #chunks: Uint8Array[] = []
  #bytes = 0
  #isWhole = false

  /** @param copy a stream of its own, of which nothing is read beyond the limit; without one nothing is kept */
  constructor(copy?: ReadableStream<Uint8Array> | null) {
    this.#reader = copy?.getReader()
    // What breaks the body breaks the request.
    if (this.#reader !== undefined) this.#read(this.#reader).catch(() => {})
  }

  /** The body if all of it is here; `undefined` if it was too long, or has not all been sent. */
  async whole(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    // The last of what was sent may still be on its way through the streams.
    if (!this.#isWhole) await nextTurn()
    return this.#isWhole ? Buffer.concat(this.#chunks) : undefined
  }

  /** Forgets the body, and stops reading it. */
  drop(): void {
    this.#chunks = []
    this.#isWhole = false
    this.#reader?.cancel().catch(() => {})
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    while (this.#bytes <= MOST_BYTES) {
      const { done, value } = await reader.read()
      if (done) {
        this.#isWhole = true
        return
      }
      this.#chunks.push(value)
      this.#bytes += value.byteLength
    }
    this.drop()
  }
}
