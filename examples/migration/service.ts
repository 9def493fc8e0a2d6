/** Where the authorization server is. */
export const issuer = process.env.EVERTOKEN_ISSUER ?? 'https://auth.example.com'

/** Where the API is. */
export const apiOrigin = process.env.EVERTOKEN_API_URL ?? 'https://api.example.com'

export const clientId = process.env.EVERTOKEN_CLIENT_ID ?? 'orders-service'
export const clientSecret = process.env.EVERTOKEN_CLIENT_SECRET ?? ''
