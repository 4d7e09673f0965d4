import type { Checkpoint } from '@diptych/checkpoint';
import { describeModel } from '@diptych/models';
import { ChatTemplate } from '@diptych/text';

/**
 * The chat template of a checkpoint, of a family that the stages can serve.
 *
 * @throws DiptychError `model_family_unsupported`; `checkpoint_file_missing` or `checkpoint_invalid`, naming the file.
 */
export async function loadTemplate(checkpoint: Checkpoint): Promise<ChatTemplate> {
  const { imageToken } = await describeModel(checkpoint);
  const optionalJson = async (file: string) =>
    checkpoint.has(file) ? await checkpoint.readJson(file) : undefined;
  return ChatTemplate.load({
    jinja: checkpoint.has('chat_template.jinja')
      ? await checkpoint.readText('chat_template.jinja')
      : undefined,
    json: await optionalJson('chat_template.json'),
    tokenizerConfig: await optionalJson('tokenizer_config.json'),
    imageToken,
  });
}
