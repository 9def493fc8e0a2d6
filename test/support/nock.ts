import nock from 'nock'
import { afterEach, expect } from 'vitest'

/**
 * nock, for the test files that need it: once loaded it stands between every request and `node:http`, which costs time
 * and which tests with real servers must not have. A test that leaves an interceptor unused fails.
 */
export { nock }

nock.disableNetConnect()
nock.enableNetConnect(/^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/)

afterEach(() => {
  const leftOver = nock.pendingMocks()
  nock.cleanAll()
  expect(leftOver, 'interceptors that no request has used').toEqual([])
})
