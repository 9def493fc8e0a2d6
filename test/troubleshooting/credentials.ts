import type { ClientOptions } from 'evertoken'
import { askServer, denial, type Mistake, type Mistakes, manager, managerWith, OPTIONS } from './mistake.ts'
import { checkingSecret } from './strict-server.ts'

const option = (mistake: string, wrong: object, says: string): Mistake => ({
  ...{ mistake, says, error: 'TypeError' },
  make: () => managerWith(wrong),
})

const refused = (mistake: string, options: Partial<ClientOptions>, says: string, right = 'right+secret'): Mistake => ({
  ...{ mistake, says, error: 'request_denied' },
  make: () => askServer(checkingSecret('header', right), options),
})

export const CREDENTIALS: Mistakes = {
  heading: 'Client id and secret',
  mistakes: [
    option(
      'The environment variable of the secret is not set',
      { clientSecret: undefined },
      'Is the environment variable set?',
    ),
    option('… and was put into a template: `undefined`', { clientSecret: 'undefined' }, 'put into a template'),
    option('The environment variable of the secret is empty', { clientSecret: '' }, 'is empty'),
    option(
      'The template was not filled in: `{{ client_secret }}`',
      { clientSecret: '{{ client_secret }}' },
      'placeholder',
    ),
    option('The secret ends in a line break, as files do', { clientSecret: 'right+secret\n' }, 'trim it'),
    option('A promise of the secret instead of the secret', { clientSecret: Promise.resolve('a') }, 'Await it'),
    {
      mistake: 'The function that gives the secret gives nothing',
      error: 'secret_unavailable',
      says: 'Is the environment variable set?',
      make: () => managerWith({ clientSecret: () => undefined }).getToken(),
    },
    {
      mistake: 'The function that gives the secret fails',
      error: 'secret_unavailable',
      says: 'the secret store may be unreachable',
      make: () =>
        managerWith({
          maxAttempts: 1,
          clientSecret: () => {
            throw new Error('vault is sealed')
          },
        }).getToken(),
    },
    refused('The secret of another client or environment, or an old one', { clientSecret: 'wrong' }, 'rotated'),
    refused('The secret has the quotation marks of a .env file', { clientSecret: '"right+secret"' }, 'quotation mark'),
    refused('The secret is URL-encoded still', { clientSecret: 'right%2Bsecret' }, 'URL-encoded'),
    refused('The secret has a space that was copied along', { clientSecret: 'right+secret ' }, 'space'),
    option(
      'The secret is the JSON document of a secret store',
      { clientSecret: '{\n"secret":"a"}' },
      'take the secret out of it',
    ),
    refused('The secret has a typographic dash in it', { clientSecret: 'right–secret' }, 'outside ASCII'),
    refused('The secret begins with `Basic `', { clientSecret: 'Basic cmlnaHQ=' }, 'name of a scheme'),
    {
      mistake: 'The secret goes in the header, and the server wants it in the form',
      error: 'request_denied',
      says: "`clientAuthentication: 'client_secret_post'`",
      make: () => askServer(checkingSecret('form', 'right'), { clientSecret: 'right' }),
    },
    {
      mistake: 'The secret goes in the form, and the server wants it in the header',
      error: 'request_denied',
      says: "`clientAuthentication: 'client_secret_basic'`",
      make: () =>
        askServer(checkingSecret('header', 'right'), {
          clientSecret: 'right',
          clientAuthentication: 'client_secret_post',
        }),
    },
    {
      mistake: 'The secret has special characters, and the server does not decode the header',
      error: 'request_denied',
      says: "`basicEncoding: 'raw'`",
      make: () => askServer(checkingSecret('raw header', 'right+secret'), { clientSecret: 'right+secret' }),
    },
    {
      mistake: 'The server has no such client',
      error: 'request_denied',
      says: 'check `clientId`',
      make: () => askServer(denial('invalid_client_id', 'client identifier invalid')),
    },
    option('The client id is not set', { clientId: undefined }, 'Is the environment variable set?'),
    option('The client id was put into a template: `undefined`', { clientId: `${undefined}` }, 'put into a template'),
    option("`clientAuthentication: 'basic'`", { clientAuthentication: 'basic' }, "Did you mean 'client_secret_basic'?"),
    option(
      "`clientAuthentication: 'private_key_jwt'`",
      { clientAuthentication: 'private_key_jwt' },
      'privateKeyJwt({ key })',
    ),
    option('`clientAuthentication: none`, without calling it', { clientAuthentication: () => {} }, 'Call the factory'),
    {
      mistake: 'A secret beside `clientAuthentication: none()`',
      error: 'TypeError',
      says: 'Give it to the factory',
      make: () => managerWith({ clientAuthentication: Object.assign(() => {}, { method: 'none' }) }),
    },
    {
      mistake: 'A promise of the options instead of the options',
      error: 'TypeError',
      says: 'Await it',
      make: () => manager(Promise.resolve(OPTIONS)),
    },
    {
      mistake: 'No options at all',
      error: 'TypeError',
      says: 'must be an object',
      make: () => manager(undefined as never),
    },
    {
      mistake: "A name that no client has: `client: 'bililng'`",
      error: 'unknown_client',
      says: 'This manager has "orders", "billing".',
      make: () => manager({ clients: { orders: OPTIONS, billing: OPTIONS } }).source({ client: 'bililng' } as never),
    },
    {
      mistake: 'No name, and there are several clients',
      error: 'TypeError',
      says: '`client` must be given',
      make: () => manager({ clients: { orders: OPTIONS, billing: OPTIONS } }).source(),
    },
    option('Options of a client beside `clients`', { clients: { orders: OPTIONS } }, 'Give it to each client'),
  ],
}
