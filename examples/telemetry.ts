import { createServer, type Server } from 'node:http'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { TokenManager } from 'evertoken'
import { instrumentTokenManager } from 'evertoken/opentelemetry'

const exporter = new PrometheusExporter({ preventServerStart: true })
const meterProvider = new MeterProvider({ readers: [exporter] })
export const metricsServer: Server = createServer((request, response) => {
  exporter.getMetricsRequestHandler(request, response)
}).listen(Number(process.env.METRICS_PORT ?? 9464), '127.0.0.1')

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
})
export const stop: () => void = instrumentTokenManager(tokens, { meterProvider })

await tokens.getToken()
