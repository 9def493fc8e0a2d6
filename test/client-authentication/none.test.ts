import { describe, expect, it } from 'vitest'
import { none } from '../../src/client-authentication/none.ts'
import { authenticated } from '../support/token-request-draft.ts'

describe('none', () => {
  it('sends the client’s id, and nothing else', async () => {
    const { body, headers } = await authenticated(none())
    expect(body.toString()).toBe('grant_type=client_credentials&client_id=orders-service')
    expect(headers).toEqual({})
    expect(none().method).toBe('none')
  })
})
