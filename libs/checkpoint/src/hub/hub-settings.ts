import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { DiptychError } from '@diptych/errors';
import { isTrue } from './env-flag.ts';
import { readToken } from './hub-token.ts';

/** Where the hub is, where its models are kept, and how it may be used. */
export interface HubSettings {
  /** Absolute path of the cache that Python's huggingface_hub uses too. */
  readonly cacheFolder: string;
  /** Address of the hub, without a slash at the end. */
  readonly endpoint: string;
  /** Secret: it is sent to the endpoint's own origin, and never printed. */
  readonly token: string | undefined;
  /** Nothing is asked of the hub; what is in the cache is used. */
  readonly offline: boolean;
  /** Whether the cache may link snapshots to blobs; false makes it hold the files themselves. */
  readonly symlinks: boolean;
  /** Longest wait for the beginning of an answer, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Longest pause within a transfer, in milliseconds. */
  readonly transferTimeoutMs: number;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';

/** `DEFAULT_ETAG_TIMEOUT` and `DEFAULT_DOWNLOAD_TIMEOUT` of huggingface_hub. */
const DEFAULT_TIMEOUT_SECONDS = 10;

/**
 * Reads the settings from the environment variables of huggingface_hub, with its precedence (`constants.py`):
 * `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`, else in `huggingface` of `XDG_CACHE_HOME`, else
 * of ~/.cache; `HF_ENDPOINT`; `HF_TOKEN` (see `readToken`); `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`;
 * `HF_HUB_DISABLE_SYMLINKS`; `HF_HUB_ETAG_TIMEOUT`; `HF_HUB_DOWNLOAD_TIMEOUT`. A variable that is empty counts as absent.
 *
 * @throws DiptychError `configuration_invalid` naming the variable.
 */
export async function readHubSettings(env: NodeJS.ProcessEnv = process.env): Promise<HubSettings> {
  const home = hubHome(env);
  const cache = env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'];
  return {
    cacheFolder: resolve(cache ? expandPath(cache, env) : join(home, 'hub')),
    endpoint: readEndpoint(env['HF_ENDPOINT'] || DEFAULT_ENDPOINT),
    token: await readToken(env, expandPath(env['HF_TOKEN_PATH'] || join(home, 'token'), env)),
    offline: isTrue(env['HF_HUB_OFFLINE'] || env['TRANSFORMERS_OFFLINE']),
    symlinks: !isTrue(env['HF_HUB_DISABLE_SYMLINKS']),
    answerTimeoutMs: readSeconds(env, 'HF_HUB_ETAG_TIMEOUT') * 1000,
    transferTimeoutMs: readSeconds(env, 'HF_HUB_DOWNLOAD_TIMEOUT') * 1000,
  };
}

function hubHome(env: NodeJS.ProcessEnv): string {
  const own = env['HF_HOME'];
  if (own) return expandPath(own, env);
  return expandPath(join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface'), env);
}

/** Python's `expandvars(expanduser(path))`: a leading `~`, and `$NAME` or `${NAME}` where that variable is set. */
function expandPath(path: string, env: NodeJS.ProcessEnv): string {
  const fromHome = path.replace(/^~(?=$|[/\\])/, () => homedir());
  return fromHome.replaceAll(
    /\$(?:(\w+)|\{(\w+)\})/g,
    (written, bare: string | undefined, braced: string | undefined) => env[bare ?? braced ?? ''] ?? written,
  );
}

function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isUsable = url && ['http:', 'https:'].includes(url.protocol) && !url.username && !url.password;
  if (isUsable) return text.replace(/\/+$/, '');
  // The value stays out of the message: it may hold a password.
  throw new DiptychError(
    'configuration_invalid',
    'HF_ENDPOINT must be an http or https address without user and password, for example https://huggingface.co.',
    { param: 'HF_ENDPOINT' },
  );
}

function readSeconds(env: NodeJS.ProcessEnv, name: string): number {
  const text = env[name];
  if (!text || /^0+$/.test(text)) return DEFAULT_TIMEOUT_SECONDS;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new DiptychError('configuration_invalid', `${name} must be whole seconds, got "${text}".`, {
    param: name,
  });
}
