import { describe, expect, it } from 'vitest'
import { digest, fingerprint } from '../src/digest.ts'

describe('digest', () => {
  it('is the SHA-256, as other tools compute it', () => {
    // printf 'abc' | sha256sum; FIPS 180-2 appendix B.1
    expect(digest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
})

describe('fingerprint', () => {
  it('is the start of the SHA-256, as other tools compute it', () => {
    // printf 'abc' | sha256sum; FIPS 180-2 appendix B.1
    expect(fingerprint('abc')).toBe('ba7816bf')
  })

  it('reads text as UTF-8', () => {
    // printf '\xc3\xa9' | sha256sum
    expect(fingerprint('é')).toBe('4a99557e')
  })

  it('tells similar texts apart', () => {
    expect(fingerprint('token-1')).not.toBe(fingerprint('token-2'))
  })
})
