import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where the user's own configuration is; `undefined` if it is not known where the user's files are. */
export function configurationPath({ XDG_CONFIG_HOME, APPDATA }: NodeJS.ProcessEnv): string | undefined {
  return below([XDG_CONFIG_HOME, APPDATA], ['.config'], 'evertoken', 'config.json')
}

/** Where tokens are kept between calls; `undefined` if it is not known where the user's files are. */
export function cacheFolder({
  EVERTOKEN_CACHE_DIR,
  XDG_CACHE_HOME,
  LOCALAPPDATA,
}: NodeJS.ProcessEnv): string | undefined {
  if (EVERTOKEN_CACHE_DIR) return EVERTOKEN_CACHE_DIR
  return below(
    [XDG_CACHE_HOME, LOCALAPPDATA],
    process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache'],
    'evertoken',
  )
}

// A relative path would be one in the working directory, where anybody's files may lie. XDG Base Directory Specification
function below(
  variables: readonly (string | undefined)[],
  inHome: readonly string[],
  ...path: readonly string[]
): string | undefined {
  const base = variables.find((folder) => folder !== undefined && isAbsolute(folder))
  if (base !== undefined) return join(base, ...path)
  const home = homeFolder()
  return home && join(home, ...inHome, ...path)
}

// Neither HOME nor an entry in the list of users need be there, in a container for example.
function homeFolder(): string | undefined {
  for (const ask of [homedir, () => userInfo().homedir]) {
    try {
      const folder = ask()
      if (isAbsolute(folder)) return folder
    } catch {
      // The other may know.
    }
  }
  return undefined
}
