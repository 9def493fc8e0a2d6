import defaultTheme from 'vitepress/theme'
import './accessible.css'
import './layout.css'

export default defaultTheme
