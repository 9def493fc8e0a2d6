import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startAuthorizationServer, TestAuthority, type TestAuthorizationServer } from '../../src/testing/index.ts'
import { evertoken, inShell } from './run-command.ts'

const SECRET = 'a-marker-secret-0123456789'
let server: TestAuthorizationServer
let home: string

beforeAll(async () => {
  server = await startAuthorizationServer({ clients: { orders: SECRET, billing: 'another-marker-secret' } })
})

afterAll(async () => {
  await server.close()
})

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'evertoken-home-'))
})

afterEach(async () => {
  await rm(home, { recursive: true })
})

const folders = () => ({ HOME: home, XDG_CONFIG_HOME: join(home, 'config'), EVERTOKEN_CACHE_DIR: join(home, 'cache') })
const environment = () => ({
  ...folders(),
  EVERTOKEN_ISSUER: server.issuer,
  EVERTOKEN_CLIENT_ID: 'orders',
  EVERTOKEN_CLIENT_SECRET: SECRET,
  EVERTOKEN_ALLOW_INSECURE_LOOPBACK: '1',
})

async function withProfiles(configuration: object, mode = 0o600): Promise<void> {
  await mkdir(join(home, 'config', 'evertoken'), { recursive: true })
  const path = join(home, 'config', 'evertoken', 'config.json')
  await writeFile(path, JSON.stringify(configuration))
  // Whatever is masked for new files.
  await chmod(path, mode)
}

const AT_EXAMPLE = ['--issuer', 'https://auth.example.com', '--client-id', 'a']
const CERTIFICATE = new TestAuthority().cert
const DER = new X509Certificate(CERTIFICATE).raw
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })

const profile = () => ({ issuer: server.issuer, clientId: 'orders', allowInsecureLoopback: true })

describe('evertoken token', () => {
  it('prints a token, and the same one again', async () => {
    const [first, again] = [await evertoken(['token'], environment()), await evertoken(['token'], environment())]
    expect(first).toMatchObject({ exitCode: 0, stderr: '' })
    expect(server.findToken(first.stdout.trim())).toMatchObject({ clientId: 'orders' })
    expect(again.stdout).toBe(first.stdout)
  })

  it('makes one token request for five processes at once', async () => {
    const before = server.counts.issued
    // Each has a few seconds to wait for the others: many more of them would be late where the machine is busy.
    const runs = await Promise.all(Array.from({ length: 5 }, () => evertoken(['token'], environment())))
    expect(runs.map(({ exitCode }) => exitCode)).toEqual(Array(5).fill(0))
    expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(1)
    expect(server.counts.issued - before).toBe(1)
  })

  it('prints a header, or all there is to know', async () => {
    const header = await evertoken(['token', '--header'], environment())
    expect(header.stdout).toMatch(/^Authorization: Bearer \S+\n$/)
    const json = JSON.parse((await evertoken(['token', '-o', 'json'], environment())).stdout)
    expect(Object.keys(json)).toEqual(['access_token', 'token_type', 'scope', 'expires_at', 'lifetime_s'])
    expect(json.access_token).toBe(header.stdout.split(' ')[2]?.trim())
  })

  it.each(['--fresh', '--no-cache'])('with %s prints another token', async (flag) => {
    const first = await evertoken(['token'], environment())
    expect((await evertoken(['token', flag], environment())).stdout).not.toBe(first.stdout)
  })

  it('keeps tokens of other scopes and other secrets apart', async () => {
    const first = await evertoken(['token'], environment())
    const scoped = await evertoken(['token', '--scope', 'a b'], environment())
    expect(scoped.stdout).not.toBe(first.stdout)
    expect(server.findToken(scoped.stdout.trim())).toMatchObject({ scope: 'a b' })
    const wrong = await evertoken(['token'], { ...environment(), EVERTOKEN_CLIENT_SECRET: 'a-wrong-secret' })
    expect(wrong).toMatchObject({ exitCode: 3, stdout: '' })
  })

  it('says what to do when the server refuses the secret, without showing it', async () => {
    const wrong = 'a-wrong-marker-secret'
    const run = await evertoken(['token', '--log-level', 'debug'], { ...environment(), EVERTOKEN_CLIENT_SECRET: wrong })
    expect(run).toMatchObject({ exitCode: 3, stdout: '' })
    expect(run.stderr).toContain('invalid_client')
    expect(run.stderr).not.toContain(wrong)
    expect(run.stderr).not.toMatch(/^\s+at /m)
  })

  it('says what went wrong as JSON, when that is what is asked for', async () => {
    const wrong = { ...environment(), EVERTOKEN_CLIENT_SECRET: 'a-wrong-secret' }
    const { stdout, stderr } = await evertoken(['token', '-o', 'json'], wrong)
    expect(stdout).toBe('')
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'request_denied', exit_code: 3 })
    const unset = await evertoken(['token', '-o', 'json'], folders())
    expect(JSON.parse(unset.stderr).error).toEqual({ message: expect.stringContaining('not said'), exit_code: 2 })
  })

  it('logs to stderr, as lines of JSON', async () => {
    const { stdout, stderr } = await evertoken(['token', '--log-level', 'info'], environment())
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event),
    ).toContain('tokenReceived')
    expect(stderr).not.toContain(stdout.trim())
  })
})

describe('the configuration of the command', () => {
  it.each([
    ['nothing at all', [], {}, 'It is not said where to get a token.'],
    ['no client id', [], { EVERTOKEN_ISSUER: 'https://auth.example.com', EVERTOKEN_CLIENT_SECRET: 's' }, '--client-id'],
    ['no secret', AT_EXAMPLE, {}, 'EVERTOKEN_CLIENT_SECRET'],
    [
      'plain http',
      ['--issuer', 'http://auth.example.com', '--client-id', 'a'],
      { EVERTOKEN_CLIENT_SECRET: 's' },
      'https',
    ],
    ['a profile that is not there', ['--profile', 'orders'], {}, 'with the profile orders'],
    ['a switch that is neither on nor off', AT_EXAMPLE, { EVERTOKEN_ALLOW_INSECURE_LOOPBACK: 'off' }, 'must be 1 or 0'],
    ['a flag that is none', ['--scop', 'x'], {}, "unknown option '--scop'"],
    ['a secret as a flag', ['--client-secret=a-marker'], {}, 'never a flag'],
    ['a secret with an apostrophe as a flag', ["--client-secret=it's-a-marker"], {}, 'never a flag'],
    ['a secret as an argument', ['a-marker'], {}, 'too many arguments'],
    [
      'options of the library that it names, which are flags here',
      ['--issuer', 'http://127.0.0.1:1', '--client-id', 'a'],
      { EVERTOKEN_CLIENT_SECRET: 's' },
      'option --issuer must be an https URL. For tests against this machine set --allow-insecure-loopback. (set by',
    ],
    [
      'client authentication by a certificate without one',
      [...AT_EXAMPLE, '--client-authentication', 'tls_client_auth'],
      {},
      'tls_client_auth needs a certificate. Give --certificate-file',
    ],
    ['a flag with a variable that is not set', ['--scope', ''], {}, 'is the variable set?'],
  ])('says so when it is wrong: %s', async (_, args, variables, said) => {
    const run = await evertoken(['token', ...args], { ...folders(), ...variables })
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain(said)
    expect(run.stderr).not.toContain('a-marker')
  })

  it.each([
    ['--client-authentication', 'a method that does not exist', 'magic', 'There are client_secret_basic'],
    ['--client-secret-file', 'no file', '/nonexistent', '/nonexistent does not exist'],
    ['--ca-file', 'no file', '/nonexistent', '/nonexistent cannot be read: ENOENT'],
  ])('says so when %s names %s', async (flag, _, value, said) => {
    const run = await evertoken(['token', ...AT_EXAMPLE, flag, value], folders())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain(said)
  })

  it.each([
    ['--client-secret-file', 'nothing', ' \n', 'is empty'],
    ['--dpop-key-file', 'no key', 'a-marker', 'is neither a PEM file nor a JWK'],
    ['--dpop-key-file', 'JSON that is no key', 'null', 'is neither a PEM file nor a JWK'],
    ['--ca-file', 'nothing', '', 'must be PEM. It is empty.'],
    ['--ca-file', 'something else', 'a-marker', 'must be PEM. It has no line "-----BEGIN CERTIFICATE-----".'],
    ['--ca-file', 'a certificate as DER', DER, 'must be PEM. It is DER'],
    ['--ca-file', 'a private key', KEY, 'holds PRIVATE KEY, and no certificate.'],
    ['--ca-file', 'half a certificate', CERTIFICATE.slice(0, 300), 'holds a certificate that cannot be read (1 of 1).'],
  ])('says so when the file of %s holds %s', async (flag, _, content, said) => {
    const path = join(home, 'given')
    await writeFile(path, content)
    const run = await evertoken(['token', ...AT_EXAMPLE, flag, path], folders())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain(`${path} ${said}`)
    expect(run.stderr).not.toContain('a-marker')
  })

  it('takes a profile, with its secret in a file beside it', async () => {
    await withProfiles({ default: 'orders', profiles: { orders: { ...profile(), clientSecretFile: 'orders.secret' } } })
    await writeFile(join(home, 'config', 'evertoken', 'orders.secret'), `${SECRET}\n`, { mode: 0o600 })
    expect(await evertoken(['token'], folders())).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('takes a secret from the variable that a profile of the user names', async () => {
    await withProfiles({ profiles: { orders: { ...profile(), clientSecretVariable: 'ORDERS_SECRET' } } })
    const run = await evertoken(['token', '--profile', 'orders'], { ...folders(), ORDERS_SECRET: SECRET })
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('refuses a configuration that others may read', async () => {
    await withProfiles({ profiles: { orders: { ...profile(), clientSecret: SECRET } } }, 0o644)
    const run = await evertoken(['token', '--profile', 'orders'], folders())
    expect(run.exitCode).toBe(2)
    expect(run.stderr).toContain('chmod 600')
  })

  it('shows nothing of a file that a terminal would obey', async () => {
    const path = join(home, 'evertoken.json')
    await writeFile(path, JSON.stringify({ profiles: { '\u001b[2J\u009b2J': {} } }))
    const run = await evertoken(['token', '--config', path, '--profile', 'orders'], folders())
    expect(run.stderr).toContain('has no profile')
    for (const obeyed of ['\u001b', '\u009b']) expect(run.stderr).not.toContain(obeyed)
  })

  it('that cannot be read is said without a stack', async () => {
    await mkdir(join(home, 'config'))
    await writeFile(join(home, 'config', 'evertoken'), '')
    const run = await evertoken(['token', '--profile', 'orders'], folders())
    expect(run.exitCode).toBe(2)
    expect(run.stderr).toContain('cannot be read: ENOTDIR')
  })

  it.each([
    ['no object', ['orders'], 'must hold an object'],
    ['one with a flag that is a text', { profiles: { orders: { certificateForApi: 'yes' } } }, 'must be true or false'],
    ['one with a text that is a list', { profiles: { orders: { issuer: ['https://a.example'] } } }, 'must be a text.'],
    ['one with a list that is a number', { profiles: { orders: { scope: 5 } } }, 'must be a text or a list.'],
    ['one with a list of numbers', { profiles: { orders: { scope: ['a', 5] } } }, 'must be a text or a list.'],
    ['one with a file that is a number', { profiles: { orders: { caFile: 5 } } }, 'must be the path of a file.'],
  ])('is refused, if it is %s', async (_, configuration, said) => {
    await withProfiles(configuration)
    const run = await evertoken(['token', '--profile', 'orders'], folders())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain(said)
  })

  it.each([
    ['and where', '{"profiles": {\n  "orders": {}\n  "a-marker": {}\n}}', ' (line 3 column 3)'],
    ['but not where, if the parser does not', 'a-marker', ''],
  ])('says that a file is not JSON, without a word of it, %s', async (_, text, place) => {
    const path = join(home, 'evertoken.json')
    await writeFile(path, text)
    const run = await evertoken(['token', '--config', path, '--profile', 'orders'], folders())
    expect(run).toMatchObject({ exitCode: 2, stdout: '', stderr: `✘ ${path} is not JSON${place}.\n` })
  })

  it('says which option of a profile is misspelt', async () => {
    await withProfiles({ profiles: { orders: { ...profile(), client_secret: SECRET } } })
    const run = await evertoken(['token', '--profile', 'orders'], folders())
    expect(run.stderr).toContain('Did you mean `clientSecret`?')
    expect(run.stderr).not.toContain(SECRET)
  })
})

describe('a secret', () => {
  const elsewhere = 'https://attacker.example.com'

  it('of the environment does not go to another server than the environment names', async () => {
    const run = await evertoken(['token', '--issuer', elsewhere], environment())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain('leave out one of the two')
  })

  it('of a profile does not go to a server that a flag names', async () => {
    await withProfiles({ profiles: { orders: { ...profile(), clientSecret: SECRET } } })
    const run = await evertoken(['token', '--profile', 'orders', '--issuer', elsewhere], folders())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
  })

  it('of the environment does not go where a profile says', async () => {
    await withProfiles({ profiles: { orders: profile() } })
    const run = await evertoken(['token', '--profile', 'orders'], { ...folders(), EVERTOKEN_CLIENT_SECRET: SECRET })
    expect(run.stderr).toContain("client's secret is missing")
  })

  it.each([
    ['a variable', { clientSecretVariable: 'EVERTOKEN_CLIENT_SECRET' }],
    ['a file elsewhere', { clientSecretFile: '../../.ssh/id_ed25519' }],
    ['a file by a list with its path', { caFile: ['/etc/ssl/cert.pem'] }],
    ['a file by its whole path', { privateKeyFile: '/home/somebody/key.pem' }],
  ])('is not reached for by a file that is named on the command line: %s', async (_, reach) => {
    const path = join(home, 'evertoken.json')
    await writeFile(path, JSON.stringify({ profiles: { orders: { ...profile(), issuer: elsewhere, ...reach } } }))
    const variables = { ...folders(), EVERTOKEN_CLIENT_SECRET: SECRET }
    const run = await evertoken(['token', '--config', path, '--profile', 'orders'], variables)
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toMatch(/not your own configuration|must be the path of a file/)
  })

  it('is not reached for by a link that lies beside such a file', async () => {
    const checkout = join(home, 'checkout')
    await mkdir(checkout)
    await writeFile(join(home, 'another.secret'), SECRET)
    await symlink('../another.secret', join(checkout, 'orders.secret'))
    const path = join(checkout, 'evertoken.json')
    await writeFile(path, JSON.stringify({ profiles: { orders: { ...profile(), clientSecretFile: 'orders.secret' } } }))
    const args = ['token', '--config', path, '--profile', 'orders']
    const run = await evertoken(args, folders())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain('not your own configuration')

    await rm(join(checkout, 'orders.secret'))
    await writeFile(join(checkout, 'orders.secret'), SECRET)
    expect(await evertoken(args, folders())).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('is not taken from a file in the working directory that nobody named', async () => {
    const run = await evertoken(['token', '--profile', 'orders'], folders())
    expect(run.stderr).toContain(join(home, 'config'))
  })
})

describe('the cache of the command', () => {
  it('may be where nothing can be written: then tokens are not kept', async () => {
    await writeFile(join(home, 'a-file'), '')
    const run = await evertoken(['token'], { ...environment(), EVERTOKEN_CACHE_DIR: join(home, 'a-file', 'cache') })
    expect(run.exitCode).toBe(0)
    expect(server.findToken(run.stdout.trim())).toBeDefined()
    expect(run.stderr).toContain('Tokens are not kept')
    expect(run.stderr).toContain('ENOTDIR')
  })

  it.runIf(process.platform === 'linux')('may be where no folder can be made, which is told at once', async () => {
    const run = await evertoken(['token'], { ...environment(), EVERTOKEN_CACHE_DIR: '/proc/evertoken/cache' })
    expect(run.exitCode).toBe(0)
    expect(run.stderr).toContain('/proc/evertoken/cache cannot be used (ENOENT)')
  })

  it('is not in the working directory, where the home folder is not known', async () => {
    const { EVERTOKEN_CACHE_DIR: _, XDG_CONFIG_HOME: __, ...others } = environment()
    // Else the list of users says where the home folder is.
    const preload = join(home, 'no-user.mjs')
    await writeFile(
      preload,
      `import os from 'node:os'
      import { syncBuiltinESMExports } from 'node:module'
      os.userInfo = () => { throw new Error('no such user') }
      syncBuiltinESMExports()`,
    )
    const variables = {
      ...others,
      HOME: '',
      XDG_CACHE_HOME: 'cache',
      NODE_OPTIONS: `--import=${pathToFileURL(preload)}`,
    }
    const run = await evertoken(['token'], variables)
    expect(run.exitCode).toBe(0)
    expect(run.stderr).toContain('there is no home folder')
    const unset = await evertoken(['token', '--profile', 'orders'], {
      HOME: '',
      NODE_OPTIONS: `--import=${pathToFileURL(preload)}`,
    })
    expect(unset).toMatchObject({ exitCode: 2, stdout: '' })
  })

  it('may be full or closed to writers though it was open before: then tokens are not kept, which is told once', async () => {
    const preload = join(home, 'full.mjs')
    await writeFile(
      preload,
      `import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      const { open } = fs.promises
      fs.promises.open = async (path, flags, ...others) => {
        if (flags === 'wx') throw Object.assign(new Error('full'), { code: 'ENOSPC' })
        return await open(path, flags, ...others)
      }
      syncBuiltinESMExports()`,
    )
    const kept = await evertoken(['token'], environment())
    const full = { ...environment(), NODE_OPTIONS: `--import=${pathToFileURL(preload)}` }
    expect(await evertoken(['token'], full)).toMatchObject({ exitCode: 0, stdout: kept.stdout, stderr: '' })
    const run = await evertoken(['token', '--fresh'], full)
    expect(run.exitCode).toBe(0)
    expect(server.findToken(run.stdout.trim())).toBeDefined()
    expect(run.stderr).toBe(
      `• Tokens are not kept: ${join(home, 'cache')} cannot be used (ENOSPC). EVERTOKEN_CACHE_DIR names another folder.\n`,
    )
  })

  it('may be on a file system without hard links', async () => {
    const preload = join(home, 'no-links.mjs')
    await writeFile(
      preload,
      `import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      fs.promises.link = async () => { throw Object.assign(new Error('no links'), { code: 'EPERM' }) }
      syncBuiltinESMExports()`,
    )
    const before = server.counts.issued
    const variables = { ...environment(), NODE_OPTIONS: `--import=${pathToFileURL(preload)}` }
    const runs = await Promise.all(Array.from({ length: 5 }, () => evertoken(['token'], variables)))
    expect(runs.map(({ stderr }) => stderr)).toEqual(Array(5).fill(''))
    expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(1)
    expect(server.counts.issued - before).toBe(1)
  })
})

describe('evertoken inspect', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'ES256' })}.${part({ iss: 'https://as.example', exp: 1 })}.a-signature`

  it('shows what a token says, and that this is not verified', async () => {
    const { stdout } = await evertoken(['inspect'], folders(), `Authorization: Bearer ${token}\n`)
    expect(stdout).toMatch(/^Not verified/)
    expect(stdout).toContain('"iss": "https://as.example"')
    expect(stdout).toContain('exp: 1970-01-01T00:00:01.000Z')
    expect(stdout).not.toContain('a-signature')
    const json = await evertoken(['inspect', '-o', 'json'], folders(), token)
    expect(JSON.parse(json.stdout)).toMatchObject({ verified: false, header: { alg: 'ES256' }, claims: { exp: 1 } })
  })

  it.each([[['-o', 'json']], [[]]])('shows nothing of a token that a terminal would obey, with %j', async (args) => {
    const hostile = `${part({ alg: 'none' })}.${part({ sub: '\u001b[2J\u009b2J\u007f' })}.`
    const { exitCode, stdout } = await evertoken(['inspect', ...args], folders(), hostile)
    expect(exitCode).toBe(0)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    if (args.length > 0) expect(JSON.parse(stdout).claims).toEqual({ sub: '\u001b[2J\u009b2J\u007f' })
  })

  it.each([
    ['an opaque token', 'opaque', 'not a JWT'],
    ['claims that are none', `${part({ alg: 'none' })}.${part([])}.`, 'not a JWT'],
    ['more parts than a token has', `${part({})}.${part({})}...`, 'not a JWT'],
    ['nothing', ' \n', 'There is no token'],
    ['what is too long for a token', 'a'.repeat(2 ** 20 + 1), 'larger than 1 MiB'],
  ])('says so of %s', async (_, input, said) => {
    const run = await evertoken(['inspect'], folders(), input)
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain(said)
  })
})

it('does not take a token as an argument, where every user of the machine sees it', async () => {
  const run = await evertoken(['inspect', 'a-marker-token'], folders())
  expect(run).toMatchObject({ exitCode: 2, stdout: '' })
  expect(run.stderr).toContain('A token is never an argument: pipe it in.')
  expect(run.stderr).not.toContain('a-marker-token')
})

describe('the output of the command', () => {
  it.runIf(process.platform === 'linux')('is missed, when it cannot be written', async () => {
    const command = `exec "$0" --experimental-strip-types "$1" token > /dev/full`
    const run = await inShell(command, environment())
    expect(run).toMatchObject({ exitCode: 74, stdout: '' })
    expect(run.stderr).toContain('The output cannot be written: ENOSPC.')
  })

  it.runIf(process.platform === 'linux')('needs nobody who reads what went wrong', async () => {
    const run = await inShell('exec "$0" --experimental-strip-types "$1" token --profile none 2> /dev/full', folders())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
  })
})

describe('help', () => {
  it('tells the version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await evertoken(['--version'], folders())).toMatchObject({ exitCode: 0, stdout: `${version}\n` })
  })

  it.each([[[]], [['token']], [['call']], [['doctor']], [['inspect']]])(
    'is there, with exit code 0: %j',
    async (args) => {
      const run = await evertoken([...args, '--help'], folders())
      expect(run.exitCode).toBe(0)
      expect(run.stdout).toContain('Usage: evertoken')
    },
  )
})
