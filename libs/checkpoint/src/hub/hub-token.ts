import { readFile } from 'node:fs/promises';
import { DiptychError } from '@diptych/errors';
import { systemCode } from '../failures.ts';
import { isTrue } from './env-flag.ts';

/**
 * The token of whoever uses the hub: `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the content of the token file;
 * none with `HF_HUB_DISABLE_IMPLICIT_TOKEN`. As `get_token` of huggingface_hub, without its ways for notebooks and CI.
 *
 * @throws DiptychError `configuration_invalid` for a token that no request can carry, without repeating it, and for a
 *   file that is there but cannot be read.
 */
export async function readToken(env: NodeJS.ProcessEnv, file: string): Promise<string | undefined> {
  if (isTrue(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined;
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const token = clean(env[name] ?? '', name);
    if (token !== undefined) return token;
  }
  return clean(await readTokenFile(file), file);
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    const message = `The token file ${file} cannot be read (${systemCode(error) ?? 'unknown reason'}); set HF_TOKEN, or HF_TOKEN_PATH to another file.`;
    throw new DiptychError('configuration_invalid', message, { param: 'HF_TOKEN_PATH', cause: error });
  }
}

function clean(text: string, source: string): string | undefined {
  const token = text.replaceAll(/[\r\n]/g, '').trim();
  if (token === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new DiptychError(
    'configuration_invalid',
    `${source} holds no token of the hub: it has characters that no request can carry.`,
    { param: 'HF_TOKEN' },
  );
}
