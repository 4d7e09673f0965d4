import { DiptychError } from '@diptych/errors';
import { z } from 'zod';
import { type ContentHash, parseEntityTag } from './content-hash.ts';
import type { HubAnswer } from './hub-answer.ts';
import { type Asked, refusal } from './hub-failure.ts';
import { type HubRequest, sendRequest } from './hub-request.ts';
import type { HubSettings } from './hub-settings.ts';
import { describeReference, isCommit, type RepositoryReference } from './repository.ts';

/** What the hub says of a repository at one revision. */
export interface RepositoryInfo {
  /** The commit that the revision is now. */
  readonly commit: string;
  /** Its files by name, with their sizes where the hub tells them. Not to be trusted as paths. */
  readonly files: ReadonlyMap<string, number | undefined>;
}

/** What the hub says of a file before it sends it. */
export interface RemoteFile {
  readonly name: string;
  readonly size: number;
  readonly hash: ContentHash;
}

/** Listings have some hundred bytes a file; the largest repositories list tens of thousands. */
const MAX_INFO_BYTES = 64 * 1024 * 1024;

/** The requests that a download needs of the hub's HTTP API. Each is sent once; the caller tries again. */
export class HubClient {
  readonly settings: HubSettings;

  constructor(settings: HubSettings) {
    this.settings = settings;
  }

  /**
   * Which commit a revision is, and which files it has.
   *
   * @throws Interruption; DiptychError `checkpoint_not_found`, `hub_access_denied` or `hub_unavailable`.
   */
  async repositoryInfo(reference: RepositoryReference, signal?: AbortSignal): Promise<RepositoryInfo> {
    const { id, revision } = reference;
    const url = this.#url(`api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`);
    await using answer = await this.#send({ method: 'GET', url, signal }, { reference });
    const text = await answer.text(MAX_INFO_BYTES);
    const info = text === undefined ? undefined : parseInfo(text);
    if (!info)
      throw this.#noHub(answer.host, `what it says of ${describeReference(reference)} is not a model`);
    return info;
  }

  /**
   * Size and hash of a file at a commit.
   *
   * @param listed The size that the listing tells, for a hub that does not repeat it with the file.
   * @throws as `repositoryInfo`, and `checkpoint_file_missing`.
   */
  async remoteFile(
    reference: RepositoryReference,
    name: string,
    { listed, signal }: { readonly listed?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<RemoteFile> {
    const request = {
      method: 'HEAD',
      url: this.#fileUrl(reference, name),
      staysOnHub: hasMetadata,
      signal,
    } as const;
    await using answer = await this.#send(request, { reference, file: name });
    const { headers, host } = answer;
    const hash = parseEntityTag(headers.get('x-linked-etag') ?? headers.get('etag') ?? '');
    const told = headers.get('x-linked-size') ?? (isRedirect(answer) ? null : headers.get('content-length'));
    const size = readSize(told) ?? listed;
    if (!hash || size === undefined)
      throw this.#noHub(
        host,
        `it tells no ${hash ? 'size' : 'hash'} of ${name}, so that no download could be checked`,
      );
    return { name, size, hash };
  }

  /**
   * Begins to send a file at a commit, from a byte on. The answer is the caller's; its status is 200, 206 or 416.
   *
   * @throws as `remoteFile`.
   */
  openFile(
    reference: RepositoryReference,
    name: string,
    options: { readonly from: number; readonly signal?: AbortSignal | undefined },
  ): Promise<HubAnswer> {
    const request = { method: 'GET', url: this.#fileUrl(reference, name), ...options } as const;
    return this.#send(request, { reference, file: name });
  }

  async #send(request: HubRequest, asked: Asked): Promise<HubAnswer> {
    const answer = await sendRequest(this.settings, request);
    const isExpected =
      (answer.status >= 200 && answer.status < 300) ||
      (answer.status === 416 && request.from !== undefined) ||
      (isRedirect(answer) && request.staysOnHub !== undefined);
    if (isExpected) return answer;
    await answer[Symbol.asyncDispose]();
    throw refusal(answer, asked, this.settings);
  }

  #fileUrl({ id, revision }: RepositoryReference, name: string): URL {
    return this.#url(`${id}/resolve/${encodeURIComponent(revision)}/${encodeURIComponent(name)}`);
  }

  #url(path: string): URL {
    return new URL(`${this.settings.endpoint}/${path}`);
  }

  #noHub(host: string, problem: string): DiptychError {
    return new DiptychError(
      'hub_unavailable',
      `${host} does not answer as a hub: ${problem}. Check HF_ENDPOINT.`,
      {
        param: 'HF_ENDPOINT',
      },
    );
  }
}

/** On a redirect to its CDN the hub tells all about the file; there is no need to go there for it. */
function hasMetadata(headers: Headers): boolean {
  return headers.has('x-linked-etag') || (headers.has('etag') && headers.has('x-repo-commit'));
}

function isRedirect({ status }: HubAnswer): boolean {
  return status >= 300 && status < 400;
}

function readSize(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const Info = z.object({
  sha: z.string().refine(isCommit),
  siblings: z.array(z.object({ rfilename: z.string(), size: z.int().nonnegative().nullish() })),
});

function parseInfo(text: string): RepositoryInfo | undefined {
  try {
    const { sha, siblings } = Info.parse(JSON.parse(text));
    return {
      commit: sha,
      files: new Map(siblings.map(({ rfilename, size }) => [rfilename, size ?? undefined])),
    };
  } catch {
    return undefined;
  }
}
