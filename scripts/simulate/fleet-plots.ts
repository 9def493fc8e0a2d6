import { Figures, NAMES, requestsPerMonth, requestsPerRotation, storeLoad } from './figures.ts'
import type { FleetOutcome } from './fleet.ts'
import { drawPlot, type Series } from './plot.ts'
import { type ScenarioName, VARIANTS } from './scenarios.ts'

/** The plots of the document: name of the file and text. */
export function plots(outcomes: readonly FleetOutcome[]): readonly (readonly [name: string, svg: string])[] {
  const figures = new Figures(outcomes)
  const xTitle = 'processes'
  const line = (name: string, look: number, value: (processes: number) => number): Series => ({
    name,
    look,
    points: figures.sizes.map((processes) => [processes, value(processes)] as const),
  })
  const perVariant = (title: string, scenario: ScenarioName, value: (outcome: FleetOutcome) => number) => {
    const series = VARIANTS.map((variant, look) =>
      line(NAMES[variant], look, (processes) => value(figures.get(scenario, variant, processes))),
    )
    return drawPlot({ title, xTitle, series })
  }
  const store = (scenario: ScenarioName, processes: number) => figures.get(scenario, 'lease', processes)
  return [
    ['requests-per-rotation', perVariant('Token requests per rotation', 'steady', requestsPerRotation)],
    ['peak-at-start', perVariant('Peak token requests per second: all start at once', 'deploy', ({ peak }) => peak)],
    [
      'peak-afterwards',
      perVariant('Peak token requests per second: the next rotations', 'deploy', ({ peakSettled }) => peakSettled),
    ],
    ['tokens-per-month', perVariant('Tokens per month (30 days)', 'steady', requestsPerMonth)],
    [
      'store-calls',
      drawPlot({
        title: 'Calls of the store per second',
        xTitle,
        series: [
          line('peak, all start at once', 0, (processes) => store('deploy', processes).store?.peak ?? 0),
          line('peak, steady', 1, (processes) => store('steady', processes).store?.peakSettled ?? 0),
          line('average, steady', 3, (processes) => storeLoad(store('steady', processes)).callsPerSecond),
        ],
      }),
    ],
  ]
}
