import { DiptychError } from '@diptych/errors';
import { connectionFailure, HubAnswer, Watchdog } from './hub-answer.ts';
import type { HubSettings } from './hub-settings.ts';

/** One request to the hub. */
export interface HubRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  /** First byte that is wanted, where not all of them are. */
  readonly from?: number;
  /** Whether an answer that redirects to another origin is taken as it is, instead of going there. */
  readonly staysOnHub?: (headers: Headers) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Real ones take two or three; more is a loop. */
const MAX_REDIRECTS = 10;

/**
 * Sends a request and follows redirects. The token goes to the endpoint's own origin only, never to another host that
 * a redirect names; nor is an https address left for an http one. The answer is the caller's, who must dispose it.
 *
 * @throws Interruption where no answer comes; DiptychError `hub_unavailable` for redirects that lead nowhere.
 */
export async function sendRequest(settings: HubSettings, request: HubRequest): Promise<HubAnswer> {
  let { url } = request;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await sendOnce(settings, url, request);
    const target = redirectOf(answer, url);
    const isElsewhere = target !== undefined && target.origin !== url.origin;
    if (target === undefined || (isElsewhere && request.staysOnHub?.(answer.headers))) return answer;
    await answer[Symbol.asyncDispose]();
    if (!isSafe(url, target)) throw unsafeRedirect(url, target);
    url = target;
  }
  throw new DiptychError('hub_unavailable', `${request.url.host} redirects in a loop; check HF_ENDPOINT.`);
}

async function sendOnce(settings: HubSettings, url: URL, request: HubRequest): Promise<HubAnswer> {
  const { answerTimeoutMs, transferTimeoutMs } = settings;
  const { method, signal } = request;
  const watchdog = new Watchdog(signal);
  try {
    watchdog.allow(answerTimeoutMs, `${url.host} did not answer within ${answerTimeoutMs / 1000} s`);
    const headers = headersFor(settings, url, request);
    const response = await fetch(url, { method, headers, redirect: 'manual', signal: watchdog.signal });
    watchdog.allow(transferTimeoutMs, `${url.host} sent nothing for ${transferTimeoutMs / 1000} s`);
    return new HubAnswer(response, url.host, watchdog, signal);
  } catch (error) {
    watchdog[Symbol.dispose]();
    throw connectionFailure(error, url.host, signal);
  }
}

function headersFor(settings: HubSettings, url: URL, { from }: HubRequest): Record<string, string> {
  const { token, endpoint } = settings;
  const isHub = url.origin === new URL(endpoint).origin;
  return {
    'user-agent': 'diptych',
    // Sizes and ranges are those of the file, so it must not come compressed.
    'accept-encoding': 'identity',
    ...(from !== undefined && from > 0 && { range: `bytes=${from}-` }),
    ...(isHub && token !== undefined && { authorization: `Bearer ${token}` }),
  };
}

function redirectOf(answer: HubAnswer, base: URL): URL | undefined {
  const location = answer.headers.get('location');
  if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return undefined;
  return URL.canParse(location, base.href) ? new URL(location, base.href) : undefined;
}

function isSafe(from: URL, to: URL): boolean {
  return to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
}

function unsafeRedirect(from: URL, to: URL): DiptychError {
  return new DiptychError(
    'hub_unavailable',
    `${from.host} redirects to ${to.protocol}//${to.host}; from an https address only another one is followed.`,
  );
}
