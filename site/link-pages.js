// The pages are those of ../docs: a link to them, so that they find the packages of this folder.
import { existsSync, symlinkSync } from 'node:fs'

const link = new URL('pages', import.meta.url)
if (!existsSync(link)) symlinkSync('../docs', link, 'junction')
