import type { TokenLogger } from '../logger.ts'

/** How much is logged. */
export const LOG_LEVELS: readonly string[] = ['silent', 'error', 'warn', 'info', 'debug']

/** A logger that writes lines of JSON to stderr; none where nothing is logged. */
export async function openLogger(level: string): Promise<TokenLogger | undefined> {
  if (level === 'silent') return undefined
  const { destination, pino } = await import('pino')
  const logger: TokenLogger = pino({ level, base: null }, destination({ dest: 2, sync: true }))
  return logger
}
