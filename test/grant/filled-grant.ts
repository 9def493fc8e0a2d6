import { fillGrant, type Grant } from '../../src/grant/grant.ts'
import { SubjectToken } from '../../src/grant/subject-token.ts'
import type { TokenParameters } from '../../src/token-key.ts'
import { type TestDraft, tokenRequestDraft } from '../support/token-request-draft.ts'

/** The user's token in requests of {@link filled}. */
export const SUBJECT = 'eyJhbGciOiJub25lIn0.e30.subject'

export const NO_PARAMETERS: TokenParameters = { scope: [], resource: [], audience: [], parameters: {} }

/** A token request whose form a grant has filled. */
export async function filled(
  grant: Grant,
  wanted: Partial<TokenParameters> = {},
  init: Partial<TestDraft> = {},
): Promise<TestDraft> {
  const draft = tokenRequestDraft({ body: new URLSearchParams(), ...init })
  const subject = grant.takesSubjectToken ? new SubjectToken(SUBJECT) : undefined
  await fillGrant(grant, draft, { ...NO_PARAMETERS, subject, ...wanted })
  return draft as TestDraft
}

/** The form in the order in which it is sent. */
export async function formOf(...args: Parameters<typeof filled>): Promise<[name: string, value: string][]> {
  return [...(await filled(...args)).body]
}
