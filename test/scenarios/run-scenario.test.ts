import { TokenManager, type TokenManagerOptions } from 'evertoken'
import { runScenario, type Scenario, type ScenarioManager, type ScenarioStep, scenarios } from 'evertoken/testing'
import { describe, expect, it } from 'vitest'

const scenario = (...steps: ScenarioStep[]): Scenario => ({ name: 'It does what it should', steps })
const failureOf = async (given: Scenario) =>
  runScenario(given).then(
    () => 'it passed',
    (error: Error) => error.message,
  )

describe('runScenario', () => {
  it('names the scenario, the step, what was expected and what was seen', async () => {
    const given = scenario(
      { at: 0, call: { as: 'a' }, expect: { calls: { a: 'token-1' } } },
      { at: '1min 1.5s', times: 2, call: { as: 'b' }, expect: { calls: { a: 'token-2', b: 'token-2' }, requests: 2 } },
    )
    expect(await failureOf(given)).toBe(
      [
        'Scenario "It does what it should", step 2 (at 1min 1.5s):',
        '  calls "a"\n    expected token-2\n    got      [[1,"token-1"]]',
        '  calls "b"\n    expected token-2\n    got      [[2,"token-1"]]',
        '  requests\n    expected 2\n    got      1',
      ].join('\n'),
    )
  })

  it.each<[string, Omit<Scenario, 'name' | 'steps'>, ScenarioStep]>([
    ['calls "a"', {}, { expect: { calls: { a: { code: 'closed' } } } }],
    ['calls "a"', {}, { expect: { calls: { a: 'waiting' } } }],
    ['calls "a"', {}, { expect: { calls: { a: [[2, 'token-1']] } } }],
    ['calls "a"', {}, { expect: { calls: { a: [] } } }],
    ['calls "nobody"', {}, { expect: { calls: { nobody: 'token-1' } } }],
    ['requests', {}, { expect: { requests: 0 } }],
    ['requests', {}, { expect: { requests: { atLeast: 2 } } }],
    ['requests', {}, { expect: { requests: { atMost: 0 } } }],
    ['requestsAt', {}, { expect: { requestsAt: ['1ms'] } }],
    ['requestsAt', {}, { expect: { requestsAt: [] } }],
    ['lastRequest', {}, { expect: { lastRequest: { scope: 'read' } } }],
    ['secretReads', { secretIsSupplied: true }, { expect: { secretReads: 0 } }],
    ['state', {}, { expect: { state: 'expired' } }],
    ['events', { listen: ['tokenRequested'] }, { expect: { events: [] } }],
    ['events', { listen: ['tokenRequested'] }, { expect: { events: [{ event: 'tokenRequested', reason: 'forced' }] } }],
  ])('sees that %s differs (%j, %j)', async (what, members, step) => {
    const given = { ...scenario({ call: { as: 'a' } }, { expect: { calls: { a: 'token-1' } } }, step), ...members }
    expect(await failureOf(given)).toContain(`step 3 (at 0ms):\n  ${what}\n    expected`)
  })

  it.each<[string, unknown]>([
    ['"expcet" means nothing here', scenario({ expcet: {} } as ScenarioStep)],
    ['"request" means nothing here', scenario({ expect: { request: 1 } } as ScenarioStep)],
    ['"stauts" means nothing here', scenario({ answer: [{ stauts: 503 }] } as object)],
    ['"after" means nothing here', scenario({ call: { as: 'a', after: '1s' } } as ScenarioStep)],
    ['"option" means nothing here', { ...scenario(), option: {} }],
    ['step 2 is before the one above it', scenario({ at: '1s' }, { at: '999ms' })],
    ['"1 s" is no duration', scenario({ at: '1 s' })],
    ['"s" is no duration', scenario({ at: 's' })],
    ['nothing is expected of the calls a, b', scenario({ call: { as: 'a' } }, { call: { as: 'b' } })],
    ['2 scripted answers were not asked for', scenario({ answer: [{}, {}] })],
  ])('refuses what would be checked by nobody: %s', async (problem, given) => {
    expect(await failureOf(given as Scenario)).toContain(problem)
  })

  it('does what happens at one time in the order of the scenario, and repetitions among the other steps', async () => {
    const given = scenario(
      { at: '1s', times: 3, every: '500ms', call: { as: 'a', forceRefresh: true } },
      { at: '1s', expect: { requests: 1 } },
      { at: '1499ms', expect: { requests: 1 } },
      {
        at: '2s',
        expect: {
          calls: {
            a: [
              [1, 'token-1'],
              [1, 'token-2'],
              [1, 'token-3'],
            ],
          },
          requestsAt: ['1s', '1.5s', '2s'],
        },
      },
    )
    expect(await failureOf(given)).toBe('it passed')
  })
})

describe('the scenarios', () => {
  const all = Object.values(scenarios).flat()

  it('have names of their own', () => {
    expect(all.length).toBeGreaterThan(60)
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
  })

  type Faults = (tokens: TokenManager<string>) => Partial<ScenarioManager>

  it.each<[string, string, Faults]>([
    [
      'requests a token for every call',
      'A valid token is given at once, without a request',
      (tokens) => ({ getToken: (request) => tokens.getToken({ ...request, forceRefresh: true }) }),
    ],
    [
      'makes callers wait for a refresh',
      'When a refresh is due, one request is made in the background, and nobody waits for it',
      (tokens) => ({ getToken: (request) => tokens.getToken({ ...request, minValidityMs: 1_200_000 }) }),
    ],
    [
      'is deaf to rejections',
      'A rejected token is not used again: callers wait for the next',
      () => ({ invalidate: () => {} }),
    ],
    [
      'forgets the token when another one is rejected',
      'The rejection of a token that is not the current one does nothing',
      (tokens) => ({ invalidate: (request) => tokens.invalidate(request) }),
    ],
    [
      'does not force',
      'A forced refresh does not join a request that is under way: it comes after it',
      (tokens) => ({ getToken: (request) => tokens.getToken({ ...request, forceRefresh: false }) }),
    ],
    [
      'knows nothing of scopes',
      'Tokens of two scopes asked for at once are not mixed up',
      (tokens) => ({ getToken: (request) => tokens.getToken({ ...request, scope: undefined }) }),
    ],
    ['does not close', 'After closing, a call without a token fails at once', () => ({ close: async () => {} })],
  ])('find a manager that %s', async (_fault, name, faults) => {
    const [given] = all.filter((each) => each.name === name) as [Scenario]
    const withFaults = (options: TokenManagerOptions<string>): ScenarioManager => {
      const tokens = new TokenManager(options)
      const faulty = faults(tokens)
      return new Proxy(tokens, {
        get: (target, member) => Reflect.get(faulty, member) ?? Reflect.get(target, member, target).bind(target),
      })
    }
    await expect(runScenario(given)).resolves.toBeUndefined()
    await expect(runScenario(given, withFaults)).rejects.toThrow(/expected/)
  })
})
