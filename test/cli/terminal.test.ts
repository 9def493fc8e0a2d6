import { describe, expect, it } from 'vitest'
import { runNode } from '../support/run-node.ts'

describe('what the command waits for', () => {
  it('is waited for though nothing but a time-out can end it, which keeps no process alive', async () => {
    const source = `
      import { once } from 'node:events'
      import { withProgress } from './src/cli/terminal.ts'
      const timeout = AbortSignal.timeout(100)
      await withProgress('Waiting', once(timeout, 'abort'))
      console.log('waited')`
    expect(await runNode(source, null)).toEqual({ exitCode: 0, stdout: 'waited\n', stderr: '' })
  })
})
