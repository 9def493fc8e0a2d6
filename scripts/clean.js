import { rmSync } from 'node:fs'

// A file that no longer has a source would otherwise stay in the package.
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
