// Generates the client that examples/recipes/hey-api.ts uses from examples/recipes/openapi.json.
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

// The generator works by TypeScript's programming interface, which TypeScript 7 does not have.
const withInterface = import.meta.resolve('@ts-morph/common/dist/typescript.js')
registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'typescript' ? withInterface : specifier, context),
})

const { createClient } = await import('@hey-api/openapi-ts')
const recipes = fileURLToPath(new URL('../examples/recipes/', import.meta.url))
await createClient({
  input: `${recipes}openapi.json`,
  output: { path: `${recipes}orders-client`, module: { extension: '.ts' } },
  logs: { level: 'silent' },
})
