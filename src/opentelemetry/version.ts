/** The version in package.json: `test/opentelemetry-version.test.ts` writes it here, with `-u`. */
export const VERSION = '0.1.0'
