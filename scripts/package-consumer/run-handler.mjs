import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startServer } from './server.cjs'

const { origin, close } = await startServer()
process.env.ORIGIN = origin
const { handler } = await import(pathToFileURL(resolve(process.argv[2])).href)
const answer = await handler({ path: '/orders' })
await close()

assert.deepEqual(answer, { statusCode: 200, body: { authorization: 'Bearer a-token' } })
