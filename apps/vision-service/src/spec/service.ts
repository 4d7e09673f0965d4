import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { VisionService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { createLogger } from '@diptych/telemetry';
import type { VisionSettings } from '../settings.ts';
import { startVisionService } from '../vision-service.ts';

/** Tiny checkpoints and what transformers makes of them. */
export const FIXTURES = join(import.meta.dirname, '../../../../tests/golden/fixtures');

/** A tiny checkpoint of random weights: 64-pixel tiles, 16 tokens each, hidden size 64. */
const TINY_CHECKPOINT = join(FIXTURES, 'idefics3-float32/checkpoint');

/** Path of a picture: `large.jpg` splits into tiles, `small.png` is a single one with `split: false`. */
export const picture = (name: string) => join(FIXTURES, 'images', name);

/** A temporary folder for compiled models, gone after the test. */
async function temporaryHome(context: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'vision-service-'));
  context.after(() => rm(home, { recursive: true }));
  return home;
}

/** A running vision-service of the tiny checkpoint and a client of it. */
export async function service(context: TestContext, settings: Partial<VisionSettings> = {}) {
  const running = await startVisionService({
    model: TINY_CHECKPOINT,
    weights: 'float32',
    home: await temporaryHome(context),
    listen: '127.0.0.1:0',
    threads: 1,
    cacheBytes: 2 ** 20,
    queue: 16,
    maxImageBytes: 2 ** 20,
    maxImagePixels: 1_000_000,
    graceSeconds: 0,
    logLevel: 'silent',
    logger: createLogger({ name: 'spec', level: 'silent' }),
    ...settings,
  });
  const client = createClient(VisionService, { address: running.address, name: 'vision-service' });
  context.after(async () => {
    client.close();
    await running.stop();
  });
  return { running, client };
}
