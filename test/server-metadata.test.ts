import { expect, it } from 'vitest'
import { readServerMetadata } from '../src/server-metadata.ts'

it('an error about an endpoint stays short, however long the endpoint is', () => {
  const expected = { client: 'orders', issuer: 'https://as.example', endpointOrigins: [], allowInsecureLoopback: false }
  const document = { issuer: 'https://as.example', token_endpoint: `https://${'a'.repeat(5000)}/token` }
  const read = () => readServerMetadata(JSON.stringify(document), expected)
  expect(read).toThrow(/on another origin than the issuer/)
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/.{1000}/) }))
})
