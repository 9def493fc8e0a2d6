export { TestAuthority, type TestCertificate } from '../../src/testing/test-authority.ts'
