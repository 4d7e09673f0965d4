import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Session } from '@diptych/onnxruntime';
import { findShape } from '../../shapes.ts';
import { writeCheckpoint } from '../../write-checkpoint.ts';
import { exportModel } from './export-model.ts';

const CACHE_INPUTS = ['past_key_values.0.key', 'past_key_values.0.value'];

test('an export has the files and the inputs that the library looks for, in both precisions', async () => {
  const home = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
  try {
    const shape = findShape('tiny');
    const checkpointFolder = await writeCheckpoint({ home, shape });
    const folder = await exportModel({ shape, checkpointFolder, home });
    const files = await readdir(folder);
    for (const name of ['config.json', 'preprocessor_config.json', 'tokenizer.json'])
      assert.ok(files.includes(name));
    for (const suffix of ['', '_quantized']) {
      const inputs = async (name: string) => {
        using session = await Session.load(join(folder, 'onnx', `${name}${suffix}.onnx`));
        return session.inputs.map((input) => input.name);
      };
      assert.deepEqual(await inputs('vision_encoder'), ['pixel_values']);
      assert.deepEqual(await inputs('embed_tokens'), ['input_ids']);
      const decoder = ['inputs_embeds', 'attention_mask', 'num_logits_to_keep', ...CACHE_INPUTS];
      assert.deepEqual((await inputs('decoder_model_merged')).slice(0, decoder.length), decoder);
    }
  } finally {
    await rm(home, { recursive: true });
  }
});
