import { describe, expect, it } from 'vitest'
import { clientAuthentication, type TokenRequestDraft } from '../../src/client-authentication/client-authentication.ts'

describe('clientAuthentication', () => {
  it('gives a function a name and leaves the rest to it', async () => {
    const seen: TokenRequestDraft[] = []
    const plain = async (draft: TokenRequestDraft) => {
      seen.push(draft)
    }
    const authenticate = clientAuthentication('x_test', plain)
    const draft = {} as TokenRequestDraft
    await authenticate(draft)
    expect(authenticate.method).toBe('x_test')
    expect(authenticate.currentCredential).toBeUndefined()
    expect(seen).toEqual([draft])
    // The function it was given may be used elsewhere under another name.
    expect(plain).not.toHaveProperty('method')
  })
})
