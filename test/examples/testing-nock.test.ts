import '../../examples/testing/nock.test.ts'
