import '../../examples/testing/msw.test.ts'
