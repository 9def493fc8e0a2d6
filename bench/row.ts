/** One row in a process of its own; sends its figures to the process that started it. */
import { compare } from './compare.ts'
import type { Pace } from './harness.ts'
import { findRow } from './rows.ts'

const [file = '', name = '', pace = ''] = process.argv.slice(2)
const howLong = JSON.parse(pace) as Pace
const row = await findRow(file, name)
const figures = 'variants' in row ? await compare(file, row, howLong) : await row.measure(howLong)
process.send?.(figures, () => process.exit())
