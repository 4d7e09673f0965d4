import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { coded } from '../spec/coded.ts';
import { HubFixture, WEIGHTS } from '../spec/hub-fixture.ts';
import type { Fault, HubServer, SeenRequest } from '../spec/hub-server.ts';

const SHARD = 'model.safetensors';
const HALF = WEIGHTS.length / 2;
const NEVER = new Promise<never>(() => undefined);

suite('a broken transfer', () => {
  test('goes on where it broke off, from an address that is asked for anew', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isShard, [{ cutAfter: HALF }]);
    const messages: string[] = [];
    const { folder } = await fixture.pull({ listener: { onMessage: (text) => messages.push(text) } });
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    const [first, second] = fixture.hub.downloads(SHARD);
    assert.equal(first?.range, undefined);
    assert.match(second?.range ?? '', /^bytes=[1-9]\d*-$/);
    assert.match(messages.join('\n'), /trying again in 1 s/);
  });

  test('is given up after some failures in a row, and goes on with the next pull', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isShard, [
      { cutAfter: HALF },
      { cutAfter: 10 },
      { cutAfter: 10 },
      { cutAfter: 10 },
    ]);
    await assert.rejects(fixture.pull(), coded('hub_unavailable', '127.0.0.1', 'tried 3 times'));
    fixture.hub.requests.length = 0;
    const { folder } = await fixture.pull();
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    assert.match(fixture.hub.downloads(SHARD)[0]?.range ?? '', /^bytes=[1-9]\d*-$/);
  });

  test('begins anew where a server sends the whole instead of the part', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isShard, [{ cutAfter: HALF }, { ignoresRange: true }]);
    const { folder } = await fixture.pull();
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    assert.equal(fixture.hub.downloads(SHARD).length, 2);
  });

  test('begins anew where the file has become another', async () => {
    await using fixture = await HubFixture.create();
    const shorter = WEIGHTS.subarray(0, HALF + 1000);
    faultsOf(fixture.hub, isShard, [{ cutAfter: HALF }, { content: shorter }]);
    const { folder } = await fixture.pull();
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    assert.deepEqual(
      fixture.hub.downloads(SHARD).map(({ range }) => range !== undefined),
      [false, true, false],
    );
  });

  test('begins anew where what is there is longer than the file', async () => {
    await using fixture = await HubFixture.create();
    const partial = await leavePartial(fixture, Buffer.alloc(WEIGHTS.length + 1));
    const { folder } = await fixture.pull();
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    assert.ok(!(await readdir(dirname(partial))).some((name) => name.endsWith('.incomplete')));
  });

  test('needs no request where only the last renaming was missed', async () => {
    await using fixture = await HubFixture.create();
    await leavePartial(fixture, WEIGHTS);
    const { folder } = await fixture.pull();
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    assert.deepEqual(fixture.hub.downloads(SHARD), []);
  });

  test('is noticed where a server falls silent', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isShard, [{ pauseAfter: HALF, until: NEVER }]);
    const { folder } = await fixture.pull({ settings: fixture.settings({ transferTimeoutMs: 1_000 }) });
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
  });
});

suite('a damaged file', () => {
  const wrong = Buffer.from(WEIGHTS).fill(7, HALF, HALF + 1);

  test('is downloaded once more', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isShard, [{ content: wrong }]);
    const messages: string[] = [];
    const { folder } = await fixture.pull({ listener: { onMessage: (text) => messages.push(text) } });
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
    assert.match(messages.join('\n'), /model\.safetensors came damaged \(wrong SHA-256\)/);
  });

  test('that comes again is removed and named', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isShard, [{ content: wrong }, { content: wrong }]);
    await assert.rejects(fixture.pull(), coded('download_corrupt', SHARD, 'SHA-256'));
    const repository = fixture.cache.file('models--org--tiny');
    assert.equal((await readdir(join(repository, 'blobs'))).filter((name) => name.length >= 64).length, 0);
    assert.ok(!(await readdir(join(repository, 'snapshots', fixture.commit))).includes(SHARD));
  });

  test('that git keeps is checked by its SHA-1', async () => {
    await using fixture = await HubFixture.create();
    const isConfig = (request: SeenRequest) =>
      request.file === 'config.json' && request.path.startsWith('/api/resolve');
    const content = Buffer.from('{"model_type":"idefics9"}');
    faultsOf(fixture.hub, (request) => request.method === 'GET' && isConfig(request), [
      { content },
      { content },
    ]);
    await assert.rejects(fixture.pull(), coded('download_corrupt', 'config.json', 'SHA-1'));
  });

  test('of the wrong length is damaged too', async () => {
    await using fixture = await HubFixture.create();
    const longer = Buffer.concat([WEIGHTS, WEIGHTS]);
    faultsOf(fixture.hub, isShard, [{ content: longer }, { content: longer }]);
    await assert.rejects(fixture.pull(), coded('download_corrupt', SHARD));
  });

  test('whose part on the disk is damaged is downloaded once more, from the beginning', async () => {
    await using fixture = await HubFixture.create();
    await leavePartial(fixture, Buffer.alloc(HALF));
    const { folder } = await fixture.pull();
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
  });

  test('in the cache is noticed by its size', async () => {
    await using fixture = await HubFixture.create();
    const { folder } = await fixture.pull();
    await truncate(join(folder, SHARD), 1000);
    await fixture.pull();
    assert.deepEqual(await readFile(join(folder, SHARD)), Buffer.from(WEIGHTS));
  });
});

suite('a hub that is busy or down', () => {
  const isInfo = ({ path }: SeenRequest) => path.startsWith('/api/models/');

  test('is asked again after the time that it names', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isInfo, [{ status: 429, headers: { 'retry-after': '0' } }, { status: 503 }]);
    await fixture.pull({ retries: { maxFailures: 3, firstWaitMs: 1 } });
  });

  test('is not waited for longer than a person would', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isInfo, [{ status: 429, headers: { ratelimit: '"api";r=0;t=3600' } }]);
    await assert.rejects(fixture.pull(), coded('hub_unavailable', '429', 'try again in 3600 s'));
  });

  test('is given up with its status', async () => {
    await using fixture = await HubFixture.create();
    fixture.hub.fault = () => ({ status: 502 });
    await assert.rejects(fixture.pull(), coded('hub_unavailable', 'answered 502', 'tried 3 times'));
  });

  test('is given up where it never answers', async () => {
    await using fixture = await HubFixture.create();
    fixture.hub.fault = () => ({ until: NEVER });
    const settings = fixture.settings({ answerTimeoutMs: 20 });
    await assert.rejects(
      fixture.pull({ settings }),
      coded('hub_unavailable', 'did not answer within 0.02 s'),
    );
  });

  test('is named where nobody listens', async () => {
    await using fixture = await HubFixture.create();
    const settings = fixture.settings({ endpoint: 'http://127.0.0.1:9' });
    await assert.rejects(fixture.pull({ settings }), coded('hub_unavailable', '127.0.0.1:9'));
  });

  test('gets a signed address anew when it has expired', async () => {
    await using fixture = await HubFixture.create();
    faultsOf(fixture.hub, isShard, [{ status: 403 }]);
    await fixture.pull();
    assert.equal(fixture.hub.downloads(SHARD).length, 2);
  });
});

const isShard = ({ server, method }: SeenRequest) => server === 'cdn' && method === 'GET';

/** Lets the first requests of a kind go wrong, one after the other. */
function faultsOf(hub: HubServer, kind: (request: SeenRequest) => boolean, faults: readonly Fault[]): void {
  const left = [...faults];
  hub.fault = (request) => (kind(request) ? left.shift() : undefined);
}

/** What an earlier download of the weights left. */
async function leavePartial(fixture: HubFixture, content: Uint8Array): Promise<string> {
  const { folder } = await fixture.pull({ parts: 'small-files' });
  const name = `${createHash('sha256').update(WEIGHTS).digest('hex')}.diptych.incomplete`;
  const path = join(folder, '../../blobs', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}
