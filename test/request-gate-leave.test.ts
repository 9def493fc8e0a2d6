import { expect, it } from 'vitest'
import { TokenError } from '../src/errors.ts'
import { managed } from './support/managed.ts'

type Managed = ReturnType<typeof managed>

const MINUTE = 60_000
const DENIED = { status: 400, body: { error: 'invalid_scope' } }

/** Asks for the tokens of 600 keys, more than refreshes begin beside. */
function askForMany({ tokens }: Managed, signal?: AbortSignal): void {
  for (let key = 0; key < 600; key += 1) tokens.getToken({ scope: `stock.${key}`, signal }).catch(() => {})
}

it.each<[string, object, (one: Managed, leave: AbortController) => void]>([
  ['succeed', { afterMs: 100 }, () => {}],
  ['are denied', DENIED, () => {}],
  ['fail', { status: 503 }, () => {}],
  ['are not answered', { hang: true }, () => {}],
  ['lose their callers', { hang: true }, (_, leave) => leave.abort('left')],
  ['are of no client any more', { hang: true }, ({ tokens }) => tokens.removeClient('default' as never)],
  ['are forgotten', { afterMs: 100 }, ({ tokens }) => tokens.invalidateAll()],
  ['are under way at the end', { hang: true }, ({ tokens }) => void tokens.close()],
])('requests that %s give their leave back, so that refreshes may begin again', async (_, answer, during) => {
  const one = managed()
  const { clock, server, tokens } = one
  const { gate } = tokens.source().context()
  const leave = new AbortController()
  server.byDefault = answer
  askForMany(one, leave.signal)
  expect(gate.admitInBackground({ refresh: true })).toBeInstanceOf(TokenError)
  await clock.advance(10)
  during(one, leave)
  await clock.advance(10 * MINUTE)
  const again = gate.admitInBackground({ refresh: true })
  expect(again).toMatchObject({ probe: expect.any(Boolean) })
})
