import { describe, expect, it } from 'vitest'
import { clientCredentials } from '../../src/grant/client-credentials.ts'
import { fillGrant } from '../../src/grant/grant.ts'
import { type TokenExchangeOptions, tokenExchange } from '../../src/grant/token-exchange.ts'
import { tokenRequestDraft } from '../support/token-request-draft.ts'
import { filled, formOf, NO_PARAMETERS, SUBJECT } from './filled-grant.ts'

const TYPE = 'urn:ietf:params:oauth:token-type'
const ACTOR = 'the-token-of-the-service'

const form = async (options: TokenExchangeOptions) =>
  (await formOf(tokenExchange(options))).filter(([name]) => name !== 'grant_type')

describe('clientCredentials', () => {
  it('sends the grant, and takes no user’s token', async () => {
    expect(await formOf(clientCredentials())).toEqual([['grant_type', 'client_credentials']])
    expect(clientCredentials().takesSubjectToken).toBe(false)
  })

  it('E5, E6: sends each resource and audience, the details, and what is extra', async () => {
    const wanted = {
      ...{ scope: ['b', 'a'], resource: ['https://a.example', 'urn:b'], audience: ['x', 'y'] },
      ...{ authorizationDetails: '[{"type":"a"}]', parameters: { tenant: 't' } },
    }
    expect(await formOf(clientCredentials(), wanted)).toEqual([
      ['grant_type', 'client_credentials'],
      ['scope', 'b a'],
      ['resource', 'https://a.example'],
      ['resource', 'urn:b'],
      ['audience', 'x'],
      ['audience', 'y'],
      ['authorization_details', '[{"type":"a"}]'],
      ['tenant', 't'],
    ])
  })
})

describe('tokenExchange', () => {
  it('E3: sends the grant, the subject token and its type', async () => {
    expect(await formOf(tokenExchange())).toEqual([
      ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      ['subject_token', SUBJECT],
      ['subject_token_type', `${TYPE}:access_token`],
    ])
  })

  it.each<[string, TokenExchangeOptions, [string, string][]]>([
    ['nothing of an actor without one', {}, []],
    [
      'the type exactly when it sends an actor',
      { actorToken: ACTOR },
      [
        ['actor_token', ACTOR],
        ['actor_token_type', `${TYPE}:access_token`],
      ],
    ],
    [
      'the actor’s own type, with a token from a function',
      { actorToken: async () => ACTOR, actorTokenType: `${TYPE}:jwt` },
      [
        ['actor_token', ACTOR],
        ['actor_token_type', `${TYPE}:jwt`],
      ],
    ],
    [
      'what is wanted',
      { requestedTokenType: `${TYPE}:access_token` },
      [['requested_token_type', `${TYPE}:access_token`]],
    ],
  ])('E3: sends %s', async (_, options, expected) => {
    const subject = [
      ['subject_token', SUBJECT],
      ['subject_token_type', `${TYPE}:access_token`],
    ]
    expect(await form(options)).toEqual([...subject, ...expected])
  })

  it('sends a subject token of another type', async () => {
    expect(await form({ subjectTokenType: `${TYPE}:id_token` })).toContainEqual([
      'subject_token_type',
      `${TYPE}:id_token`,
    ])
  })

  it('asks for the actor’s token for every request', async () => {
    let asked = 0
    const exchange = tokenExchange({
      actorToken: () => {
        asked += 1
        return `actor-${asked}`
      },
    })
    expect((await filled(exchange)).body.get('actor_token')).toBe('actor-1')
    expect((await filled(exchange)).body.get('actor_token')).toBe('actor-2')
  })

  it('registers both tokens as secrets', async () => {
    const { hidden } = await filled(tokenExchange({ actorToken: ACTOR }))
    expect(hidden).toEqual([SUBJECT, ACTOR])
  })

  it('fails without the user’s token', async () => {
    const draft = tokenRequestDraft()
    await expect(fillGrant(tokenExchange(), draft, NO_PARAMETERS)).rejects.toMatchObject({
      code: 'subject_token_missing',
    })
  })

  it.each<[string, () => unknown, RegExp]>([
    [
      'fails',
      () => {
        throw new Error('down')
      },
      /`actorToken` failed/,
    ],
    ['returns nothing', () => undefined, /`actorToken` for client "orders" returned no token/],
    ['returns an empty text', () => '', /returned no token/],
    ['returns more than a token', () => 'a\nb', /returned no token/],
  ])('fails with `secret_unavailable` when the function for the actor’s token %s', async (_, actorToken, message) => {
    const failing = filled(tokenExchange({ actorToken: actorToken as () => string }))
    await expect(failing).rejects.toMatchObject({ code: 'secret_unavailable', message: expect.stringMatching(message) })
  })

  it.each<[string, object, string]>([
    ['a short name of a type', { subjectTokenType: 'access_token' }, '`subjectTokenType` must be a URI'],
    ['an empty type', { requestedTokenType: '' }, '`requestedTokenType` must be a URI'],
    ['a type without an actor', { actorTokenType: `${TYPE}:jwt` }, '`actorTokenType` has no effect without'],
    ['an empty actor', { actorToken: '' }, '`actorToken` must be a non-empty string or a function'],
    ['an actor with a line break', { actorToken: 'Marker-S3cret\n' }, '`actorToken` must be'],
    ['the subject itself', { subjectToken: 'Marker-S3cret' }, '`subjectToken` is not an option'],
    ['wire names', { actor_token: 'Marker-S3cret' }, 'Did you mean `actorToken`?'],
  ])('refuses %s', (_, options, message) => {
    const wrong = () => tokenExchange(options as TokenExchangeOptions)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(message)
    expect(wrong).not.toThrow('Marker')
  })

  it('has a part of the key for what makes its tokens others, without the actor’s token in it', () => {
    const parts = [
      {},
      { subjectTokenType: `${TYPE}:jwt` },
      { requestedTokenType: `${TYPE}:jwt` },
      { actorToken: ACTOR },
      { actorToken: `${ACTOR}-2` },
      { actorToken: ACTOR, actorTokenType: `${TYPE}:jwt` },
    ].map((options) => tokenExchange(options).keyPart)
    expect(new Set(parts).size).toBe(parts.length)
    expect(parts.join()).not.toContain(ACTOR)
  })
})
