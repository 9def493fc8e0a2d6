import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { clientSecretPost } from '../../src/client-authentication/client-secret.ts'
import { MountedFileError, readMountedFile, secretFromFile } from '../../src/client-authentication/mounted-file.ts'
import { authenticated, authenticationFailure } from '../support/token-request-draft.ts'

const folder = mkdtempSync(join(tmpdir(), 'evertoken-secrets-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

describe('secretFromFile', () => {
  it.each([
    ['as it is', 'S3cret', 'S3cret'],
    ['without the line break that editors add', 'S3cret\n', 'S3cret'],
    ['without the line break of Windows', 'S3cret\r\n', 'S3cret'],
    ['without white space around it', ' \t S3cret \n\n', 'S3cret'],
    ['without a byte order mark', '\ufeffS3cret', 'S3cret'],
    ['with white space inside', 'S3 cret\n', 'S3 cret'],
  ])('gives the secret %s', async (_, content, secret) => {
    writeFileSync(at('secret'), content)
    expect(await secretFromFile(at('secret'))()).toBe(secret)
    expect(await secretFromFile(pathToFileURL(at('secret')))()).toBe(secret)
  })

  it('gives what has taken the place of the file, as when Kubernetes swaps the link to a mounted secret', async () => {
    const version = (name: string, secret: string) => {
      mkdirSync(at(name))
      writeFileSync(join(folder, name, 'secret'), secret)
      symlinkSync(name, at('..data_tmp'))
      renameSync(at('..data_tmp'), at('..data'))
    }
    version('..2026_01', 'first\n')
    symlinkSync(join('..data', 'secret'), at('mounted'))
    const authenticate = clientSecretPost(secretFromFile(at('mounted')))
    const first = await authenticated(authenticate)
    expect(first.body.get('client_secret')).toBe('first')
    expect(await authenticate.currentCredential?.('orders')).toBe(first.credential)
    version('..2026_02', 'second\n')
    rmSync(at('..2026_01'), { recursive: true })
    expect(await authenticate.currentCredential?.('orders')).not.toBe(first.credential)
    expect((await authenticated(authenticate)).body.get('client_secret')).toBe('second')
  })

  it.each<[string, () => string, string, string]>([
    ['is missing', () => at('nowhere'), 'nowhere does not exist', 'Is the volume mounted'],
    [
      'is under another file',
      () => {
        writeFileSync(at('file'), 'x')
        return at('file/secret')
      },
      'file/secret does not exist',
      'is a file and not a folder',
    ],
    ['is a folder', () => folder, 'is a folder', 'Name the file in it'],
    [
      'is empty',
      () => {
        writeFileSync(at('empty'), ' \n')
        return at('empty')
      },
      'empty is empty',
      'Has it been written',
    ],
  ])('fails, to be tried again, with a hint when the file %s', async (_, path, problem, hint) => {
    const error = await authenticationFailure(clientSecretPost(secretFromFile(path())))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: true })
    expect(error.message).toContain('The function given as `clientSecret` failed for client "orders": ')
    expect(error.message).toContain(`${problem}.`)
    expect(error.hint).toContain(hint)
  })

  it('says so when the file cannot be read for another reason', async () => {
    await expect(readMountedFile(at('x'.repeat(300)))).rejects.toThrow(MountedFileError)
    await expect(readMountedFile(at('x'.repeat(300)))).rejects.toThrow('cannot be read (ENAMETOOLONG)')
  })

  it.each([[undefined], [''], [7], ['a\0b']])('refuses what is no path: %j', (path) => {
    expect(() => secretFromFile(path as string)).toThrow(
      new TypeError('evertoken: option `secretFromFile` must be the path of a file. Is the environment variable set?'),
    )
  })
})
