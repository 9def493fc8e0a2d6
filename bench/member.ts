/** One variant in a process of its own, measured when the process that started it says so. */
import { type Order, WorkRunner } from './compare.ts'
import { findRow } from './rows.ts'

const [file = '', name = '', index = '', given = '{}'] = process.argv.slice(2)
const row = await findRow(file, name)
const variant = 'variants' in row ? row.variants[Number(index)] : undefined
if (variant === undefined) throw new Error(`${file} has no variant ${index} of ${name}`)
const runner = new WorkRunner(await variant.prepare(JSON.parse(given) as Record<string, string>))

async function obey(order: Order): Promise<void> {
  if ('warmUp' in order) {
    await runner.warmUp(order.warmUp)
    process.send?.('warm')
  } else process.send?.(await runner.turn())
}

process.on('message', (order: Order) => void obey(order))
// Whatever is open still, such as connections that are kept alive.
process.on('disconnect', () => process.exit())
process.send?.('ready')
