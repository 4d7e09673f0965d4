import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { coded } from '../spec/coded.ts';
import { chooseFiles } from './needed-files.ts';

const BASE = ['config.json', 'tokenizer.json'];

suite('of the files of a repository', () => {
  test('those of a checkpoint are chosen', () => {
    const others = [
      'pytorch_model.bin',
      'pytorch_model.bin.index.json',
      'flax_model.msgpack',
      'README.md',
      'model.gguf',
    ];
    const small = [
      'chat_template.json',
      'chat_template.jinja',
      'generation_config.json',
      'merges.txt',
      'tokenizer.model',
    ];
    const chosen = chooseFiles('org/a', [...others, ...BASE, ...small, 'model.safetensors', 'tf_model.h5']);
    assert.deepEqual(chosen, { small: [...BASE, ...small].sort(), weights: 'single' });
  });

  test('one file of weights wins over shards, whose index is not needed then', () => {
    const both = [
      ...BASE,
      'model.safetensors',
      'model.safetensors.index.json',
      'model-00001-of-00001.safetensors',
    ];
    assert.deepEqual(chooseFiles('org/a', both), { small: BASE, weights: 'single' });
    const sharded = chooseFiles('org/a', both.slice(0, 2).concat(both.slice(3)));
    assert.deepEqual(sharded, {
      small: [BASE[0], 'model.safetensors.index.json', BASE[1]],
      weights: 'sharded',
    });
  });

  test('tokenizer.json may not lack', () => {
    const names = ['config.json', 'tokenizer.model', 'model.safetensors'];
    assert.throws(
      () => chooseFiles('org/a', names),
      coded('checkpoint_file_missing', 'org/a', 'tokenizer.json'),
    );
  });

  test('config.json may not lack', () => {
    assert.throws(() => chooseFiles('org/a', ['README.md']), coded('checkpoint_file_missing', 'config.json'));
  });

  test('safetensors may not lack, and what is there instead is named', () => {
    const names = [...BASE, 'pytorch_model.bin', 'model-q4.gguf', 'onnx/model.onnx', 'evil\u001b[31m.bin'];
    assert.throws(
      () => chooseFiles('org/a', names),
      coded(
        'checkpoint_file_missing',
        'safetensors',
        'pytorch_model.bin',
        'model-q4.gguf',
        '"evil\\u001b[31m.bin"',
      ),
    );
    assert.throws(() => chooseFiles('org/a', BASE), coded('checkpoint_file_missing', 'no weights at all'));
    const many = Array.from({ length: 20 }, (_, index) => `model-${index}.gguf`);
    assert.throws(
      () => chooseFiles('org/a', [...BASE, ...many]),
      coded('checkpoint_file_missing', 'and 14 more'),
    );
  });
});
