// What other libraries and servers call what an option here is, in lower case and without separators.
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  tokenEndpoint: ['tokenurl', 'tokenuri', 'accesstokenuri', 'tokenhost', 'oauthurl', 'authurl', 'url', 'endpoint'],
  issuer: ['authority', 'wellknown', 'discoveryurl', 'metadataurl', 'oidcissuer'],
  clientId: ['id', 'appid', 'applicationid', 'username', 'consumerkey', 'apikey'],
  clientSecret: ['secret', 'clientpassword', 'password', 'consumersecret', 'apisecret'],
  clientAuthentication: [
    'authmethod',
    'tokenendpointauthmethod',
    'authenticationmethod',
    'authorizationmethod',
    'auth',
  ],
  resource: ['apiresource', 'appiduri'],
  audience: ['aud'],
  grant: ['granttype'],
  parameters: ['params', 'extraparams', 'additionalparameters', 'body', 'extra'],
  defaultLifetimeMs: ['ttl', 'expiresin', 'lifetime', 'tokenlifetime'],
  refreshWindowMs: ['refreshbefore', 'expirationwindow', 'eagerrefreshthreshold', 'refreshbuffer', 'earlyrefresh'],
  safetyMarginMs: ['leeway', 'clockskew', 'clocktolerance', 'skew'],
  maxAttempts: ['retries', 'maxretries', 'retry', 'attempts'],
  ca: ['cafile', 'rootca', 'capath'],
  certificate: ['cert', 'clientcert', 'pfx', 'x5c'],
  proxy: ['httpproxy', 'httpsproxy', 'proxyurl'],
  transport: ['axios', 'axiosinstance', 'httpclient', 'instance', 'fetch', 'agent', 'httpsagent', 'dispatcher', 'http'],
  key: ['privatekey', 'pem', 'jwk', 'signingkey'],
  keyId: ['kid'],
  algorithm: ['alg', 'signingalg', 'signingalgorithm'],
  type: ['typ'],
  origins: ['baseurl', 'allowedorigins', 'hosts', 'allowedhosts', 'prefixurl', 'whitelist'],
  client: ['name', 'clientname'],
  encryptionKeys: ['secret', 'password', 'encryptionsecret'],
  prefix: ['namespace', 'keyprefix'],
}

/**
 * The option that was meant by a name that is none: one in another spelling (`client_secret`), a part (`timeout`), a
 * plural (`scopes`), with a typing mistake (`cliendId`), or by the name it has elsewhere (`kid`).
 */
export function optionMeantBy(name: string, names: readonly string[]): string | undefined {
  const written = plain(name)
  const isPart = (part: string, whole: string) => part.length > 3 && whole.startsWith(part)
  return (
    names.find((known) => plain(known) === written) ??
    names.find((known) => OTHER_NAMES[known]?.includes(written)) ??
    names.find((known) => isPart(plain(known), written) || isPart(written, plain(known))) ??
    names.find((known) => isMistyped(plain(known), written))
  )
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z]/g, '')
}

/** Whether one letter is missing, too many or another, or two have changed places. */
function isMistyped(word: string, written: string): boolean {
  if (word.length < 4 || Math.abs(word.length - written.length) > 1) return false
  let start = 0
  while (start < word.length && word[start] === written[start]) start += 1
  const [rest, other] = [word.slice(start), written.slice(start)]
  if (rest.slice(1) === other.slice(1) || rest.slice(1) === other || rest === other.slice(1)) return true
  return rest[0] === other[1] && rest[1] === other[0] && rest.slice(2) === other.slice(2)
}
