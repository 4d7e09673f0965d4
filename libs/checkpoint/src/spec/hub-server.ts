import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the hub saw it. */
export interface SeenRequest {
  /** Which of the two servers: the hub itself, or the other origin that serves large files. */
  readonly server: 'hub' | 'cdn';
  readonly method: string;
  readonly path: string;
  /** Name of the file that it is about, empty where it is about none. */
  readonly file: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** What goes wrong with one answer. */
export interface Fault {
  /** Answers this status, with these headers and no body. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Breaks the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Serves this content instead, under the true hash. */
  readonly content?: Uint8Array;
  /** Sends the whole file where a part was asked for. */
  readonly ignoresRange?: boolean;
  /** Sends the rest of the body after `pauseAfter` bytes, or all of the answer, only when this settles. */
  readonly until?: Promise<unknown>;
  readonly pauseAfter?: number;
}

/** A repository of the hub. */
export interface HubRepository {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** Answers only to this token. */
  readonly gatedFor?: string;
  /** Branches and tags that lead to this commit; `main` where left out. */
  readonly revisions?: readonly string[];
}

/**
 * A small hub on loopback that speaks the HTTP API of the real one as far as a download needs it: small files come from
 * the hub itself behind a relative redirect, `*.safetensors` as LFS files from another origin, in parts where asked for.
 * For specs.
 */
export class HubServer implements AsyncDisposable {
  /** Every request, in the order in which they came. */
  readonly requests: SeenRequest[] = [];
  /** Decides what goes wrong with a request; nothing does at first. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  readonly #repositories = new Map<string, Stored>();
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer('hub', request, response));
    this.#cdn = createServer((request, response) => this.#answer('cdn', request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    for (const part of [server.#hub, server.#cdn]) await once(part.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  /** For `HF_ENDPOINT`. */
  get endpoint(): string {
    return originOf(this.#hub);
  }

  /** Adds a repository, or a new commit to one. @returns The commit. */
  add(id: string, { files, gatedFor, revisions = ['main'] }: HubRepository): string {
    const contents = new Map(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)]));
    const commit = sha1([...contents].map(([name, content]) => name + gitHash(content)).join());
    const earlier = this.#repositories.get(id);
    const refs = new Map([
      ...(earlier?.refs ?? []),
      ...revisions.map((name) => [name, commit] as const),
      [commit, commit],
    ]);
    const commits = new Map([...(earlier?.commits ?? []), [commit, contents]]);
    this.#repositories.set(id, { commits, refs, gatedFor });
    return commit;
  }

  /** Requests for the content of one file, to whichever server. */
  downloads(file: string): readonly SeenRequest[] {
    return this.requests.filter(
      (request) => request.method === 'GET' && request.file === file && isContent(request),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of [this.#hub, this.#cdn]) {
      part.closeAllConnections();
      await once(part.close(), 'close');
    }
  }

  #answer(server: SeenRequest['server'], request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '', 'http://hub');
    const seen = {
      server,
      method: request.method ?? '',
      path: decodeURIComponent(pathname),
      file: /\/(?:resolve|resolve-cache|cdn)\/.*?([^/]+)$/.exec(pathname)?.[1] ?? '',
      range: request.headers.range,
      authorization: request.headers.authorization,
    };
    this.requests.push(seen);
    const fault = this.fault(seen) ?? {};
    if (!fault.until || fault.pauseAfter !== undefined)
      return this.#perform(pathname, { seen, fault, response });
    void fault.until.then(() => this.#perform(pathname, { seen, fault, response }));
  }

  #perform(pathname: string, { seen, fault, response }: Call): void {
    if (fault.status !== undefined) return void response.writeHead(fault.status, fault.headers).end();
    this.#route(pathname.slice(1).split('/').map(decodeURIComponent), { seen, fault, response });
  }

  #route(parts: readonly string[], call: Call): void {
    const [first, second] = parts;
    if (first === 'cdn') return this.#serve(parts.slice(1), call);
    if (first === 'api' && second === 'resolve-cache') return this.#serve(parts.slice(2), call);
    if (first === 'api') return this.#describe(parts.slice(2), call);
    this.#resolve(parts, call);
  }

  /** `/api/models/{org}/{name}/revision/{revision}`, and `/tree/{revision}` for huggingface_hub. */
  #describe([org, name, kind, revision = 'main']: readonly string[], { response }: Call): void {
    const found = this.#find(`${org ?? ''}/${name ?? ''}`, revision, response);
    if (!found) return;
    const entries = [...found.contents].map(([file, content]) => entryOf(file, content));
    const siblings = entries.map(({ path, size, oid, lfs }) => ({ rfilename: path, size, blobId: oid, lfs }));
    const answer =
      kind === 'tree'
        ? entries
        : { id: found.id, modelId: found.id, sha: found.commit, private: false, tags: [], siblings };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  /** `/{org}/{name}/resolve/{revision}/{file}`: says what the file is, and where it is served. */
  #resolve([org, name, , revision = '', ...path]: readonly string[], { seen, response }: Call): void {
    const found = this.#find(`${org ?? ''}/${name ?? ''}`, revision, response);
    if (!found) return;
    const file = path.join('/');
    const content = found.contents.get(file);
    const headers = { 'x-repo-commit': found.commit };
    if (!content) return void response.writeHead(404, { ...headers, 'x-error-code': 'EntryNotFound' }).end();
    if (found.gatedFor !== undefined && seen.authorization !== `Bearer ${found.gatedFor}`)
      return void response.writeHead(seen.authorization ? 403 : 401, { 'x-error-code': 'GatedRepo' }).end();
    const place = [found.id, found.commit, file].join('/');
    if (!isLarge(file))
      return void response.writeHead(307, { ...headers, location: `/api/resolve-cache/${place}` }).end();
    const location = `${originOf(this.#cdn)}/cdn/${place}?signature=secret`;
    const linked = { 'x-linked-etag': `"${sha256(content)}"`, 'x-linked-size': content.length };
    response.writeHead(302, { ...headers, ...linked, location }).end();
  }

  #serve([org, name, commit = '', ...path]: readonly string[], { seen, fault, response }: Call): void {
    const content = this.#repositories
      .get(`${org ?? ''}/${name ?? ''}`)
      ?.commits.get(commit)
      ?.get(path.join('/'));
    if (!content) return void response.writeHead(404).end();
    const served = Buffer.from(fault.content ?? content);
    const from = fault.ignoresRange ? 0 : Number(/^bytes=(\d+)-$/.exec(seen.range ?? '')?.[1] ?? 0);
    if (from >= served.length && from > 0) return void response.writeHead(416).end();
    response.writeHead(from > 0 ? 206 : 200, {
      etag: `"${gitHash(content)}"`,
      'x-repo-commit': commit,
      'content-length': served.length - from,
      'accept-ranges': 'bytes',
      ...(from > 0 && { 'content-range': `bytes ${from}-${served.length - 1}/${served.length}` }),
    });
    sendBody(seen.method === 'HEAD' ? Buffer.alloc(0) : served.subarray(from), fault, response);
  }

  #find(id: string, revision: string, response: ServerResponse) {
    const repository = this.#repositories.get(id);
    const commit = repository?.refs.get(revision);
    const contents = repository?.commits.get(commit ?? '');
    if (repository && commit !== undefined && contents)
      return { id, commit, contents, gatedFor: repository.gatedFor };
    const missing = repository
      ? { status: 404, code: 'RevisionNotFound' }
      : { status: 401, code: 'RepoNotFound' };
    response.writeHead(missing.status, { 'x-error-code': missing.code }).end();
    return undefined;
  }
}

interface Stored {
  /** Contents by name, by commit. */
  readonly commits: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
  readonly refs: ReadonlyMap<string, string>;
  readonly gatedFor: string | undefined;
}

interface Call {
  readonly seen: SeenRequest;
  readonly fault: Fault;
  readonly response: ServerResponse;
}

function sendBody(body: Buffer, fault: Fault, response: ServerResponse): void {
  const { cutAfter = Infinity, pauseAfter = Infinity, until } = fault;
  if (cutAfter < body.length)
    return void response.write(body.subarray(0, cutAfter), () => response.destroy());
  if (pauseAfter >= body.length) return void response.end(body);
  response.write(body.subarray(0, pauseAfter));
  void until?.then(() => response.end(body.subarray(pauseAfter)));
}

function entryOf(path: string, content: Buffer) {
  const size = content.length;
  const lfs = isLarge(path)
    ? { oid: sha256(content), sha256: sha256(content), size, pointerSize: 134 }
    : undefined;
  return { type: 'file', path, size, oid: gitHash(content), lfs };
}

function isContent({ server, path }: SeenRequest): boolean {
  return server === 'cdn' || path.startsWith('/api/resolve-cache/');
}

function isLarge(file: string): boolean {
  return file.endsWith('.safetensors');
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function gitHash(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
