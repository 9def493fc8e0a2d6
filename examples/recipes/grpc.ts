import { readFileSync } from 'node:fs'
import { Client, credentials, InterceptingCall, type Interceptor, Metadata, status } from '@grpc/grpc-js'
import type { AccessToken } from 'evertoken'
import { type Order, tokens } from './orders-service.ts'

const source = tokens.source()

/** Gives every call, streams too, a token as its call credentials, and reports the token that was rejected. */
const withToken: Interceptor = (options, nextCall) => {
  let token: AccessToken | undefined
  const bearer = credentials.createFromMetadataGenerator((_, callback) => {
    const metadata = new Metadata()
    const found = source.getToken().then((current) => {
      token = current
      metadata.set('authorization', `Bearer ${current.reveal()}`)
    })
    found.then(() => callback(null, metadata), callback)
  })
  return new InterceptingCall(nextCall({ ...options, credentials: bearer }), {
    start: (metadata, _listener, next) =>
      next(metadata, {
        onReceiveStatus: (received, forward) => {
          if (received.code === status.UNAUTHENTICATED && token) source.invalidate(token)
          forward(received)
        },
      }),
  })
}

// Call credentials travel over TLS only.
const ca = process.env.CA_FILE ? readFileSync(process.env.CA_FILE) : null
const address = process.env.ORDERS_GRPC ?? 'orders.example.com:443'
const client = new Client(address, credentials.createSsl(ca), { interceptors: [withToken] })

// Stands for a generated stub, with JSON in place of protobuf.
const encode = (message: object) => Buffer.from(JSON.stringify(message))
const decode = (bytes: Buffer): Order[] => JSON.parse(bytes.toString())
const list = () =>
  new Promise<Order[] | undefined>((resolve, reject) => {
    client.makeUnaryRequest('/orders.Orders/List', encode, decode, {}, (error, orders) =>
      error ? reject(error) : resolve(orders),
    )
  })

/** The orders, asked for once more if the token was rejected. */
export async function listOrders(): Promise<Order[] | undefined> {
  return await list().catch((error) => (error.code === status.UNAUTHENTICATED ? list() : Promise.reject(error)))
}

console.log(await listOrders())
