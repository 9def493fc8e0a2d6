import { TokenManager } from 'evertoken'

// A token that comes from anywhere: another library, a sidecar, a file.
const tokens = new TokenManager({
  clientId: 'orders-service',
  requestToken: async ({ scope, signal }) => {
    const query = new URLSearchParams({ scope: scope.join(' ') })
    const response = await fetch(`https://sidecar.example.com/token?${query}`, { signal })
    // An error with the status says whether trying again may help.
    if (!response.ok) throw Object.assign(new Error('the sidecar gave no token'), { status: response.status })
    const { token, ttl } = (await response.json()) as { token: string; ttl: number }
    return { accessToken: token, lifetimeMs: ttl * 1000 }
  },
  scope: ['orders.read'],
})

const token = await tokens.getToken()
console.log(token.expiresAt)
