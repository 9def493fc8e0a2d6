import defaultTheme from 'vitepress/theme'
import './accessible.css'

export default defaultTheme
