import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadModel } from '../load-model.ts';

/** Three layers in the tower, of which `vision_feature_layer` -2 takes the second one's output. */
const GOLDEN = join(
  import.meta.dirname,
  '../../../../tests/golden/fixtures/llava-clip-llama-float32/checkpoint',
);
const TOWER = 'vision_tower.vision_model';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-llava-'));
});
after(() => rm(folder, { recursive: true }));

test('needs no tensor beyond the layer that features come from', async () => {
  const checkpointFolder = await without([`${TOWER}.encoder.layers.2.`, `${TOWER}.post_layernorm.`]);
  const { vision } = await loadModel({ checkpointFolder, home: join(folder, 'home') });
  assert.equal(vision.rowsPerTile, 16);
});

test('needs those before it, and names what is missing', async () => {
  const checkpointFolder = await without([`${TOWER}.encoder.layers.1.self_attn.`]);
  await assert.rejects(loadModel({ checkpointFolder, home: join(folder, 'home') }), {
    code: 'checkpoint_invalid',
    message: /vision_tower\.vision_model\.encoder\.layers\.1\.self_attn\.q_proj\.weight/,
  });
});

/** The golden checkpoint where tensors of these beginnings have another name, of the same length. */
async function without(beginnings: readonly string[]): Promise<string> {
  const copy = await mkdtemp(join(folder, 'checkpoint-'));
  await cp(GOLDEN, copy, { recursive: true });
  const file = join(copy, 'model.safetensors');
  const bytes = await readFile(file);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header = beginnings.reduce(
    (text, beginning) => text.replaceAll(`"${beginning}`, `"?${beginning.slice(1)}`),
    bytes.toString('utf8', 8, end),
  );
  bytes.write(header, 8);
  await writeFile(file, bytes);
  return copy;
}
