import { type Checkpoint, parseConfig } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { ChatTemplate } from '@diptych/text';
import { z } from 'zod';

const configSchema = z.looseObject({ image_token_id: z.int().nonnegative() });

const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string().min(1) })),
});

/**
 * The chat template of a checkpoint. Its literal for an image is the text of the token that config.json calls
 * `image_token_id`.
 *
 * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid`, naming the file.
 */
export async function loadTemplate(checkpoint: Checkpoint): Promise<ChatTemplate> {
  const optionalJson = async (file: string) =>
    checkpoint.has(file) ? await checkpoint.readJson(file) : undefined;
  return ChatTemplate.load({
    jinja: checkpoint.has('chat_template.jinja')
      ? await checkpoint.readText('chat_template.jinja')
      : undefined,
    json: await optionalJson('chat_template.json'),
    tokenizerConfig: await optionalJson('tokenizer_config.json'),
    imageToken: await imageToken(checkpoint),
  });
}

async function imageToken(checkpoint: Checkpoint): Promise<string> {
  const { image_token_id: id } = await checkpoint.readConfig('config.json', configSchema);
  const { added_tokens: tokens } = parseConfig(
    'tokenizer.json',
    tokenizerSchema,
    await checkpoint.readJson('tokenizer.json'),
  );
  const token = tokens.find((one) => one.id === id);
  if (token) return token.content;
  throw new DiptychError(
    'checkpoint_invalid',
    `tokenizer.json has no added token ${id}, which config.json names as image_token_id; download both again.`,
    { param: 'tokenizer.json' },
  );
}
