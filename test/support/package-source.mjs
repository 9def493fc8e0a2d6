import { registerHooks } from 'node:module'

const { exports } = (await import('../../package.json', { with: { type: 'json' } })).default

// For `node --import`: what imports the package gets its sources, as with vitest.
registerHooks({
  resolve(name, context, next) {
    const target = /^evertoken(?:$|\/)/.test(name) ? exports[name.replace('evertoken', '.')] : undefined
    if (target?.default === undefined) return next(name, context)
    const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, '../../src/$1.ts')
    return { url: new URL(source, import.meta.url).href, shortCircuit: true }
  },
})
