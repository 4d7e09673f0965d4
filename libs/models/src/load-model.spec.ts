import assert from 'node:assert/strict';
import { access, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WEIGHT_FORMATS } from '@diptych/onnx-graph';
import { loadModel } from './load-model.ts';

const GOLDEN = fileURLToPath(
  new URL('../../../tests/golden/fixtures/idefics3-float32/checkpoint', import.meta.url),
);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-load-'));
});
after(() => rm(folder, { recursive: true }));

test('compiles a checkpoint once, each stage in a folder of its own', async () => {
  const messages: string[] = [];
  const options = {
    checkpointFolder: GOLDEN,
    home: join(folder, 'home'),
    weights: 'float32',
    onProgress: (message: string) => messages.push(message),
  } as const;
  const first = await loadModel(options);
  await Promise.all([first.vision, first.language].map(({ graphPath }) => access(graphPath)));
  assert.notEqual(first.vision.graphPath, first.language.graphPath);
  assert.ok(messages.length > 0);
  messages.length = 0;
  const second = await loadModel(options);
  assert.deepEqual(second.vision.graphPath, first.vision.graphPath);
  assert.deepEqual([second.fingerprint, messages], [first.fingerprint, []]);
});

test('compiles the stages that are asked for, and no other', async () => {
  const home = join(folder, 'one');
  const { language, fingerprint, vision } = await loadModel({
    checkpointFolder: GOLDEN,
    home,
    stages: ['language'],
  });
  assert.ok(!('graphPath' in vision));
  await access(language.graphPath);
  assert.deepEqual(await readdir(join(home, 'compiled')), [`${fingerprint}-language-float32-v4`]);
});

test('compiles into the format that is asked for; auto says what it has become, and why', async () => {
  const home = join(folder, 'formats');
  const options = { checkpointFolder: GOLDEN, home, stages: ['vision'] } as const;
  for (const weights of WEIGHT_FORMATS) {
    const model = await loadModel({ ...options, weights });
    assert.equal(model.weights, weights);
    const vision = weights === 'int4' ? 'int8' : weights;
    assert.match(model.vision.graphPath, new RegExp(`-vision-${vision}-`));
  }
  const messages: string[] = [];
  const model = await loadModel({ ...options, onProgress: (text) => messages.push(text) });
  assert.equal(model.weights, 'float32');
  assert.deepEqual(messages, ['Weights of checkpoint: float32, because the model is small.']);
});

test('describes the model as its files do', async () => {
  const { family, language, vision } = await loadModel({
    checkpointFolder: GOLDEN,
    home: join(folder, 'home'),
  });
  assert.equal(family, 'idefics3');
  assert.deepEqual(
    [language.layers, language.kvHeads, language.headDim, language.maxContext],
    [2, 2, 16, 1024],
  );
  assert.deepEqual(
    [vision.warmUpTile, vision.rowsPerTile, vision.defaultSplit],
    [{ width: 64, height: 64 }, 16, true],
  );
  assert.equal(vision.hiddenSize, language.hiddenSize);
});

const WRONG: readonly [name: string, change: (text: Record<string, unknown>) => void, message: RegExp][] = [
  ['weights that lack a layer', (text) => (text.num_hidden_layers = 3), /model\.text_model\.layers\.2\./],
  [
    'weights of another shape',
    (text) => (text.intermediate_size = 100),
    /gate_proj\.weight.*\[96, 64\].*\[100, 64\]/,
  ],
  ['an activation that is not supported', (text) => (text.hidden_act = 'mish'), /hidden_act.*"mish".*silu/],
  [
    'a rotary embedding that is not supported',
    (text) => (text.rope_parameters = { rope_type: 'yarn', factor: 2 }),
    /rope_type.*"yarn".*llama3/,
  ],
];

for (const [name, change, message] of WRONG) {
  test(`refuses ${name}, naming it, and leaves nothing in the cache`, async () => {
    const checkpointFolder = await changedCheckpoint(change);
    const home = join(folder, 'other');
    await assert.rejects(loadModel({ checkpointFolder, home }), { code: 'checkpoint_invalid', message });
    assert.deepEqual(await readdir(join(home, 'compiled')), []);
  });
}

async function changedCheckpoint(change: (text: Record<string, unknown>) => void): Promise<string> {
  const copy = await mkdtemp(join(folder, 'checkpoint-'));
  await cp(GOLDEN, copy, { recursive: true });
  const file = join(copy, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as { text_config: Record<string, unknown> };
  change(config.text_config);
  await writeFile(file, JSON.stringify(config));
  return copy;
}
