/** A client of the fleet. */
export interface SoakedClient {
  /** How long its tokens live, milliseconds. */
  readonly lifetimeMs: number
  /** What its tokens are bound to: a key that all workers have (DPoP), or a certificate that is renewed now and then. */
  readonly boundTo?: 'key' | 'certificate'
}

/** The clients of every worker. */
export const CLIENTS: Readonly<Record<string, SoakedClient>> = {
  billing: { lifetimeMs: 10_000 },
  orders: { lifetimeMs: 30_000 },
  shipping: { lifetimeMs: 20_000, boundTo: 'key' },
  payroll: { lifetimeMs: 15_000, boundTo: 'certificate' },
}

/** The names of those whose tokens are bound to this. */
export function boundTo(what: SoakedClient['boundTo']): string[] {
  return Object.keys(CLIENTS).filter((name) => CLIENTS[name]?.boundTo === what)
}
