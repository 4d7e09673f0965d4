import { DiptychError, reasonOf } from '@diptych/errors';
import { Agent, type Dispatcher, request } from 'undici';
import { checkAddress } from './address-rules.ts';
import { guardedConnector, type Resolve, systemResolve } from './guarded-connector.ts';

/** Redirects that are followed for one image, each checked like the first address. */
const MAX_REDIRECTS = 3;

/** Statuses that redirect a GET. */
const REDIRECTS = [301, 302, 303, 307, 308];

/** How images are fetched. */
export interface FetchOptions {
  /** Milliseconds for one image, redirects included. */
  readonly timeoutMs: number;
  /** Largest body in bytes. */
  readonly maxBytes: number;
  /** Also fetch from loopback and private addresses. */
  readonly allowPrivate: boolean;
  /** Resolves host names; the system's resolver where absent. */
  readonly resolve?: Resolve;
}

/** Gets the bytes behind an address. `param` names the request field in errors. */
export type FetchImage = (
  url: URL,
  call: { readonly param: string; readonly signal: AbortSignal },
) => Promise<Uint8Array>;

/**
 * A fetcher of images that never reaches into the network it stands in: see guarded-connector.ts for the
 * addresses, and below for size, time, redirects and encodings. What the bytes are is for the decoder to
 * see; the answer's Content-Type is not looked at.
 *
 * The fetcher throws DiptychError `image_url_forbidden`, `image_fetch_failed` or `image_too_large`, and the
 * signal's reason when that aborts.
 */
export function imageFetcher({
  timeoutMs,
  maxBytes,
  allowPrivate,
  resolve = systemResolve,
}: FetchOptions): FetchImage {
  const connect = guardedConnector({ resolve, allowPrivate, timeoutMs });
  return async (url, { param, signal }) => {
    // One agent for each image: no connection outlives the check that allowed it.
    const agent = new Agent({ connect, maxHeaderSize: 16_384 });
    const timeout = AbortSignal.timeout(timeoutMs);
    const end = AbortSignal.any([signal, timeout]);
    // A request's own signal counts only once its connection stands; the agent's end reaches it before that too.
    end.addEventListener('abort', () => void agent.destroy(reasonOf(end)), { once: true });
    try {
      signal.throwIfAborted();
      const answer = await follow(url, { agent, param });
      return await readBody(answer, maxBytes);
    } catch (error) {
      signal.throwIfAborted();
      throw named(error, param, timeout.aborted ? timeoutMs : undefined);
    } finally {
      void agent.destroy();
    }
  };
}

interface Hop {
  readonly agent: Agent;
  readonly param: string;
}

async function follow(first: URL, { agent, param }: Hop): Promise<Dispatcher.ResponseData> {
  let url = first;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const answer = await request(url, {
      dispatcher: agent,
      headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'diptych' },
    });
    // A body that is left behind reports that; nobody waits for it.
    answer.body.on('error', () => undefined);
    if (!REDIRECTS.includes(answer.statusCode)) return answer;
    url = redirectTarget(answer, url);
    checkAddress(url, param);
    answer.body.destroy();
  }
  throw failed(`The image address redirects more than ${MAX_REDIRECTS} times.`);
}

function redirectTarget({ headers }: Dispatcher.ResponseData, from: URL): URL {
  const { location } = headers;
  const url = typeof location === 'string' ? URL.parse(location, from.href) : null;
  if (!url) throw failed('The image address redirects to nowhere.');
  return url;
}

async function readBody(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<Uint8Array> {
  if (statusCode !== 200) throw failed(`The image address answered with status ${statusCode}; expected 200.`);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw failed(`The image address answered in the encoding ${String(encoding)}; expected none.`);
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function failed(message: string): DiptychError {
  return new DiptychError('image_fetch_failed', message);
}

function tooLarge(maxBytes: number): DiptychError {
  return new DiptychError(
    'image_too_large',
    `The image is larger than the ${maxBytes} bytes that this server accepts.`,
  );
}

/** The error as the caller sees it: coded and with the field's name, never with what the network said. */
function named(error: unknown, param: string, timeoutMs: number | undefined): DiptychError {
  const coded = error instanceof DiptychError ? error : failed(reason(error, timeoutMs));
  return new DiptychError(coded.code, coded.message, { param, cause: coded.cause ?? error });
}

function reason(error: unknown, timeoutMs: number | undefined): string {
  if (timeoutMs !== undefined) return `The image address did not answer in full within ${timeoutMs} ms.`;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'The host of the image address does not exist.';
  return 'The connection to the image address failed.';
}
