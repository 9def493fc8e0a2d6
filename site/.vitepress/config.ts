import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { SECTIONS } from './sidebar.ts'

interface Item {
  readonly text: string
  readonly link?: string
  readonly items?: Item[]
}

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))
const repository = 'https://github.com/evertoken/evertoken'
const sidebarFile = `${docs}reference/typedoc-sidebar.json`
const reference: Item[] = existsSync(sidebarFile) ? JSON.parse(readFileSync(sidebarFile, 'utf8')) : []

const guide: Item[] = SECTIONS.map(([text, pages]) => ({
  text,
  items: pages
    // Some are made by scripts.
    .filter(([, page]) => existsSync(`${docs}${page}.md`))
    .map(([name, page]) => ({ text: name, link: `/${page}` })),
}))

// Without `collapsed`: a heading that folds is a button with another button in it.
const unfolded = ({ text, link, items }: Item): Item => ({
  text,
  ...(link !== undefined && { link }),
  ...(items !== undefined && { items: items.map(unfolded) }),
})

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
  // None: without this line browsers ask for one in vain.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  srcDir: './pages',
  outDir: './dist',
  cleanUrls: true,
  lastUpdated: false,
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config(md) {
      md.core.ruler.push('as-in-the-repository', (state) => {
        for (const [i, { children }] of state.tokens.entries()) {
          // On a phone a picture is moved sideways, by keyboard too.
          const [only, ...others] = children ?? []
          if (only?.type === 'image' && others.length === 0) {
            state.tokens[i - 1]?.attrJoin('class', 'picture')
            state.tokens[i - 1]?.attrSet('tabindex', '0')
          }
          for (const token of children ?? []) {
            const href = token.type === 'link_open' ? token.attrGet('href') : null
            if (href !== null) token.attrSet('href', linkOutside(href, state.env.relativePath ?? ''))
            // Braces in code are code, and not an expression of Vue.
            if (token.type === 'code_inline') token.attrSet('v-pre', '')
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
    sidebar: {
      '/reference/': [{ text: 'Guide', link: '/get-started' }, ...reference.map(unfolded)],
      '/': [...guide, { text: 'Reference of the API', link: '/reference/' }],
    },
    outline: { level: [2, 3] },
  },
})
