// Simulates the fleets that the argument names as JSON, and prints an outcome per line.
import { type FleetPlan, simulateFleet } from './fleet.ts'

const plans: readonly FleetPlan[] = JSON.parse(process.argv[2] ?? '[]')
for (const plan of plans) {
  const outcome = await simulateFleet(plan)
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
}
// Whatever the fleets still wait for will not happen.
process.exitCode = 0
