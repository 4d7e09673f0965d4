import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * Folder for what Diptych keeps between starts: `DIPTYCH_HOME`, else `diptych` in the user's cache folder
 * (`XDG_CACHE_HOME` or ~/.cache on Linux, ~/Library/Caches on macOS, `LOCALAPPDATA` on Windows).
 */
export function defaultHome(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  const own = env['DIPTYCH_HOME'];
  if (own) return resolve(own);
  return join(userCacheFolder(env, platform), 'diptych');
}

function userCacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  if (platform === 'win32') return env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
  const cache = env['XDG_CACHE_HOME'];
  // The XDG specification says that a relative path is to be ignored.
  return cache && isAbsolute(cache) ? cache : join(homedir(), '.cache');
}
