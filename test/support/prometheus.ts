import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'

/** A meter whose measurements are there to be scraped, over HTTP on this machine. */
export interface Prometheus extends AsyncDisposable {
  readonly meterProvider: MeterProvider
  /** What a scrape gets: the exposition text. */
  scrape(): Promise<string>
  /** The samples of a scrape that belong to evertoken: name and labels as they are written, and the value. */
  samples(): Promise<Map<string, number>>
}

/** Starts an exporter on 127.0.0.1, as an application does. */
export async function startPrometheus(): Promise<Prometheus> {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true })
  const meterProvider = new MeterProvider({ readers: [exporter] })
  const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const scrape = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return {
    meterProvider,
    scrape,
    samples: async () => {
      const lines = (await scrape()).split('\n').filter((line) => line.startsWith('evertoken_'))
      return new Map(
        lines.map((line) => {
          const end = line.lastIndexOf(' ')
          return [line.slice(0, end), Number(line.slice(end + 1))]
        }),
      )
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await meterProvider.shutdown()
    },
  }
}
