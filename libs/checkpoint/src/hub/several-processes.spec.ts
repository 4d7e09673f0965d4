import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, watch } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HubFixture, WEIGHTS } from '../spec/hub-fixture.ts';
import type { SeenRequest } from '../spec/hub-server.ts';

const SHARD = 'model.safetensors';
const WORKER = fileURLToPath(new URL('../spec/pull-worker.ts', import.meta.url));

suite('processes that want the same model', () => {
  test('download it once: one does, the others wait', async () => {
    await using fixture = await HubFixture.create();
    const { promise, resolve: release } = Promise.withResolvers<undefined>();
    fixture.hub.fault = (request) => (isShard(request) ? { pauseAfter: 1, until: promise } : undefined);
    await using first = new Worker(fixture);
    await first.says(/is not in .* yet; downloading it/);
    await using second = new Worker(fixture);
    await Promise.any(
      [first, second].map((worker) => worker.says(/Waiting for process \d+ .*, which downloads org\/tiny\./)),
    );
    release(undefined);
    const folder = fixture.cache.file(`models--org--tiny/snapshots/${fixture.commit}`);
    assert.deepEqual(await Promise.all([first.lastLine(), second.lastLine()]), [folder, folder]);
    assert.equal(fixture.hub.downloads(SHARD).length, 1);
  });

  test('go on with what a killed one left', async () => {
    await using fixture = await HubFixture.create();
    const { folder } = await fixture.pull({ parts: 'small-files' });
    const never = new Promise<never>(() => undefined);
    fixture.hub.fault = (request) => (isShard(request) ? { pauseAfter: 2_000_000, until: never } : undefined);
    const written = partialWritten(join(folder, '../../blobs'));
    await using first = new Worker(fixture);
    await written;
    await first.kill();
    fixture.hub.fault = () => undefined;
    await using second = new Worker(fixture);
    assert.equal(await second.lastLine(), folder);
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    assert.match(fixture.hub.downloads(SHARD)[1]?.range ?? '', /^bytes=[1-9]\d*-$/);
  });
});

const isShard = ({ server, method }: SeenRequest) => server === 'cdn' && method === 'GET';

/** Waits until a part of a blob is on the disk. */
async function partialWritten(blobs: string): Promise<void> {
  for await (const { filename } of watch(blobs)) {
    if (!filename?.endsWith('.incomplete')) continue;
    if ((await stat(join(blobs, filename))).size > 0) return;
  }
}

/** A process that wants `org/tiny` from a fixture's hub. */
class Worker implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #exited: Promise<unknown>;
  readonly #lines: string[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor({ hub, cache }: HubFixture) {
    const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache.path };
    this.#child = spawn(process.execPath, [WORKER], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#exited = once(this.#child, 'close');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      for (const look of this.#waiting.splice(0)) look();
    });
  }

  /** Waits for a line. */
  async says(pattern: RegExp): Promise<void> {
    while (!this.#lines.some((line) => pattern.test(line)))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Waits for its end. */
  async lastLine(): Promise<string | undefined> {
    await this.#exited;
    return this.#lines.at(-1);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
