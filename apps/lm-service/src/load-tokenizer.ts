import type { Checkpoint } from '@diptych/checkpoint';
import { Tokenizer } from '@diptych/text';

/**
 * The tokeniser of a checkpoint, of a model of this type.
 *
 * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid`, naming the file.
 */
export async function loadTokenizer(checkpoint: Checkpoint, modelType: string): Promise<Tokenizer> {
  const config = 'tokenizer_config.json';
  return Tokenizer.load({
    tokenizer: await checkpoint.readJson('tokenizer.json'),
    tokenizerConfig: checkpoint.has(config) ? await checkpoint.readJson(config) : undefined,
    modelType,
  });
}
