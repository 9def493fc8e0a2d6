import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SECTIONS } from '../site/.vitepress/sidebar.ts'

const docs = new URL('../docs/', import.meta.url)
const read = (page: string) => readFileSync(new URL(`${page}.md`, docs), 'utf8')
const pages = readdirSync(docs)
  .filter((name) => name.endsWith('.md'))
  .map((name) => name.replace(/\.md$/, ''))
const listed = SECTIONS.flatMap(([, section]) => section.map(([, page]) => page))

describe('the site', () => {
  it('lists every page in the sidebar, once', () => {
    expect(pages.filter((page) => page !== 'index' && !listed.includes(page))).toEqual([])
    expect(listed.filter((page, i) => listed.indexOf(page) !== i)).toEqual([])
  })

  it.each(pages.filter((page) => page !== 'index'))('names the page by one heading: %s', (page) => {
    const withoutCode = read(page).replace(/^```.*?^```$/gms, '')
    expect(withoutCode.match(/^# .+$/gm)).toHaveLength(1)
  })

  it('leads from its home to pages that are there', () => {
    const links = [...read('index').matchAll(/^ +link: \/(\S+)$/gm)].map(([, page]) => page)
    expect(links.length).toBeGreaterThan(5)
    expect(links.filter((page) => !listed.includes(page ?? ''))).toEqual([])
  })

  it.each(pages)('describes its pictures to those who do not see them: %s', (page) => {
    const pictures = [...read(page).matchAll(/!\[(.*?)\]\((.*?)\)/g)]
    for (const [, description = '', file = ''] of pictures) {
      expect(description.length).toBeGreaterThan(10)
      expect(existsSync(new URL(file, docs))).toBe(true)
    }
  })

  it('has pictures for light and dark that say what they show', () => {
    const pictures = ['how-it-works', 'fleet'].flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, docs)).map((name) => `${folder}/${name}`),
    )
    expect(pictures.length).toBeGreaterThan(3)
    for (const picture of pictures) {
      const text = readFileSync(new URL(picture, docs), 'utf8')
      expect(text).toContain('prefers-color-scheme: dark')
      expect(text).toMatch(/aria-label="[^"]{10,}"/)
    }
  })
})
