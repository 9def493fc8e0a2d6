import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { SECTIONS } from './sidebar.ts'

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))
const repository = 'https://github.com/evertoken/evertoken'
const sidebarFile = `${docs}reference/typedoc-sidebar.json`
const reference = existsSync(sidebarFile) ? JSON.parse(readFileSync(sidebarFile, 'utf8')) : []

const sections = SECTIONS.map(([text, pages]) => ({
  text,
  collapsed: false,
  items: pages
    // Some are made by scripts.
    .filter(([, page]) => existsSync(`${docs}${page}.md`))
    .map(([name, page]) => ({ text: name, link: `/${page}` })),
}))

/** Pages link to files of the repository, as they do when read there: from the site these lead to it. */
function linkOutside(href: string, page: string): string {
  if (!href.startsWith('../')) return href
  const path = posix.normalize(posix.join('docs', posix.dirname(page), href))
  return path.startsWith('docs/') ? href : `${repository}/blob/main/${path}`
}

export default defineConfig({
  title: 'evertoken',
  description: 'OAuth 2.0 access tokens for service-to-service HTTP clients in Node.js',
  lang: 'en',
  srcDir: './pages',
  outDir: './dist',
  cleanUrls: true,
  lastUpdated: false,
  markdown: {
    config(md) {
      md.core.ruler.push('links-outside', (state) => {
        for (const { children } of state.tokens) {
          for (const token of children ?? []) {
            const href = token.type === 'link_open' ? token.attrGet('href') : null
            if (href !== null) token.attrSet('href', linkOutside(href, state.env.relativePath ?? ''))
          }
        }
      })
    },
  },
  // The pages are a link to ../docs, so that they find Vue here.
  vite: { resolve: { preserveSymlinks: true } },
  themeConfig: {
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    nav: [
      { text: 'Guide', link: '/get-started' },
      { text: 'Options', link: '/options' },
      { text: 'API', link: '/reference/' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
    ],
    sidebar: [...sections, { text: 'Reference of the API', collapsed: true, items: reference }],
    outline: { level: [2, 3] },
  },
})
