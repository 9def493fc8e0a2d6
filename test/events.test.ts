import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TokenEventEmitter, type TokenEvents } from '../src/events.ts'

const REJECTED: TokenEvents['tokenRejected'] = { client: 'orders', scope: ['read'], fingerprint: 'ba7816bf' }
const NARROWED: TokenEvents['scopeNarrowed'] = { client: 'orders', scope: ['read', 'write'], granted: ['read'] }

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('TokenEventEmitter', () => {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  beforeEach(() => {
    unhandled.length = 0
    process.on('unhandledRejection', onUnhandled)
  })
  afterEach(() => {
    process.off('unhandledRejection', onUnhandled)
  })

  it('tells every listener of an event at once, in the order in which they were added', () => {
    const events = new TokenEventEmitter()
    const heard: string[] = []
    events.on('tokenRejected', ({ fingerprint }) => heard.push(`first ${fingerprint}`))
    events.on('tokenRejected', ({ client }) => heard.push(`second ${client}`))
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(heard).toEqual(['first ba7816bf', 'second orders'])
  })

  it('tells listeners of other events nothing', () => {
    const events = new TokenEventEmitter()
    events.on('scopeNarrowed', () => expect.fail('heard another event'))
    events.emit('tokenRejected', () => ({ ...REJECTED }))
  })

  it('does not even make an event that nobody listens to', () => {
    const events = new TokenEventEmitter()
    const make = () => expect.fail('an event was made for nobody')
    events.emit('tokenRejected', make)
    events.on('scopeNarrowed', () => {})
    events.emit('tokenRejected', make)
    const off = events.on('tokenRejected', () => {})
    off()
    events.emit('tokenRejected', make)
  })

  it('makes one event for all listeners, which none of them can change', () => {
    const events = new TokenEventEmitter()
    let made = 0
    const heard: object[] = []
    events.on('tokenRejected', (event) => {
      heard.push(event)
      Object.assign(event, { client: 'changed' })
    })
    events.on('tokenRejected', (event) => heard.push(event))
    events.emit('tokenRejected', () => {
      made += 1
      return { ...REJECTED }
    })
    expect(made).toBe(1)
    expect(heard).toEqual([REJECTED, REJECTED])
    expect(heard[0]).toBe(heard[1])
  })

  it('stops telling a listener that was taken off, and goes on telling the others', () => {
    const events = new TokenEventEmitter()
    const heard: string[] = []
    const off = events.on('tokenRejected', () => heard.push('first'))
    events.on('tokenRejected', () => heard.push('second'))
    off()
    off()
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(heard).toEqual(['second'])
  })

  it('takes a function that was added twice for two listeners', () => {
    const events = new TokenEventEmitter()
    let calls = 0
    const listener = () => {
      calls += 1
    }
    const off = events.on('tokenRejected', listener)
    events.on('tokenRejected', listener)
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(calls).toBe(2)
    off()
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(calls).toBe(3)
  })

  it.each<[how: string, listener: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('listener')
      },
    ],
    [
      'throws nothing in particular',
      () => {
        throw undefined
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('listener')
      },
    ],
    [
      'rejects later',
      async () => {
        await turn()
        throw new Error('listener')
      },
    ],
    [
      'rejects by another kind of promise',
      () => ({ then: (_: unknown, reject: (reason: unknown) => void) => reject(new Error('listener')) }),
    ],
    [
      'returns what throws when it is looked at',
      () => ({
        get then() {
          throw new Error('listener')
        },
      }),
    ],
  ])('is not harmed by a listener that %s: the others are told, and the process lives', async (_how, listener) => {
    const events = new TokenEventEmitter()
    let told = 0
    events.on('tokenRejected', listener as () => void)
    events.on('tokenRejected', () => {
      told += 1
    })
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(told).toBe(1)
    for (let turns = 0; turns < 4; turns++) await turn()
    expect(unhandled).toEqual([])
  })

  it('tells of an event within a listener before it returns', () => {
    const events = new TokenEventEmitter()
    const heard: string[] = []
    events.on('tokenRejected', () => {
      events.emit('scopeNarrowed', () => ({ ...NARROWED }))
      heard.push('rejected')
    })
    events.on('scopeNarrowed', () => heard.push('narrowed'))
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(heard).toEqual(['narrowed', 'rejected'])
  })

  it('tells a listener that is added within a listener from the next event on', () => {
    const events = new TokenEventEmitter()
    let late = 0
    const off = events.on('tokenRejected', () => {
      off()
      events.on('tokenRejected', () => {
        late += 1
      })
    })
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(late).toBe(0)
    events.emit('tokenRejected', () => ({ ...REJECTED }))
    expect(late).toBe(1)
  })
})
