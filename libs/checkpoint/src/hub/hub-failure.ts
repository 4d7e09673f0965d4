import { DiptychError } from '@diptych/errors';
import type { HubAnswer } from './hub-answer.ts';
import type { HubSettings } from './hub-settings.ts';
import { Interruption } from './interruption.ts';
import { describeReference, type RepositoryReference } from './repository.ts';

/** What was asked for, for the message. */
export interface Asked {
  readonly reference: RepositoryReference;
  /** A file of it; left out where it is the repository itself. */
  readonly file?: string;
}

/** Worth another try: `_DEFAULT_RETRY_ON_STATUS_CODES` of huggingface_hub. */
const BUSY = [408, 429, 500, 502, 503, 504];

/**
 * What a refusal of the hub means. The hub says it in `X-Error-Code` (`hf_raise_for_status` of huggingface_hub), and
 * answers 401 for a repository that is not there, lest it tell strangers which private ones are.
 */
export function refusal(answer: HubAnswer, asked: Asked, settings: HubSettings): Error {
  const { status, host } = answer;
  if (BUSY.includes(status)) return busy(answer);
  // An address on another host is signed and expires: the next try gets a new one.
  if (host !== new URL(settings.endpoint).host) return new Interruption(`${host} answered ${status}`);
  const code = answer.headers.get('x-error-code') ?? '';
  if (code === 'GatedRepo') return denied(gated(asked, settings));
  if (answer.headers.get('x-error-message') === 'Invalid credentials in Authorization header')
    return denied(`${host} does not know the token that was sent; set HF_TOKEN to a valid one.`);
  if (code === 'RevisionNotFound') return notFound(noRevision(asked.reference));
  if (status === 404 && (code === 'EntryNotFound' || asked.file !== undefined)) return noFile(asked);
  if (code === 'RepoNotFound' || status === 404 || status === 401)
    return notFound(noRepository(asked, settings));
  if (status === 403) return denied(gated(asked, settings));
  return new DiptychError(
    'hub_unavailable',
    `${host} answered ${status} for ${nameOf(asked)}; check HF_ENDPOINT.`,
  );
}

function busy({ status, host, headers }: HubAnswer): Interruption {
  return new Interruption(`${host} answered ${status}`, { retryAfterMs: retryAfter(headers) });
}

/** `Retry-After` as seconds or a date, or the hub's own `RateLimit: "api";r=0;t=55`. */
function retryAfter(headers: Headers): number | undefined {
  const text =
    headers.get('retry-after') ??
    /;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function gated({ reference }: Asked, { endpoint, token }: HubSettings): string {
  const page = `${endpoint}/${reference.id}`;
  return token === undefined
    ? `${reference.id} is gated: accept its licence on ${page} and set HF_TOKEN to a token of your account.`
    : `${reference.id} is gated, and the token that was sent opens it not: accept its licence on ${page} with the account of HF_TOKEN.`;
}

function noRepository({ reference: { id } }: Asked, { endpoint, token }: HubSettings): string {
  const isPrivate =
    token === undefined ? 'a private one needs HF_TOKEN' : 'the token of HF_TOKEN may not see it';
  return `There is no repository ${id} on ${endpoint}, or ${isPrivate}.`;
}

function noRevision({ id, revision }: RepositoryReference): string {
  return `${id} has no revision ${revision}; give a branch, a tag or a commit.`;
}

function noFile(asked: Asked): DiptychError {
  const message = `${nameOf(asked)} is listed, but is not there; pull it again.`;
  return new DiptychError('checkpoint_file_missing', message, { ...(asked.file && { param: asked.file }) });
}

function nameOf({ reference, file }: Asked): string {
  return file === undefined ? describeReference(reference) : `${file} of ${describeReference(reference)}`;
}

function denied(message: string): DiptychError {
  return new DiptychError('hub_access_denied', message, { param: 'HF_TOKEN' });
}

function notFound(message: string): DiptychError {
  return new DiptychError('checkpoint_not_found', message, { param: 'model' });
}
