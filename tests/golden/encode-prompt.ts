import type { Checkpoint } from '@diptych/checkpoint';
import type { Model } from '@diptych/models';
import { ChatTemplate, imageNeighbours, Tokenizer } from '@diptych/text';
import type { GoldenCase } from './fixtures.ts';

/** Ids of a conversation: the checkpoint's template, the family's placeholders, the checkpoint's tokeniser. */
export async function encodePrompt(model: Model, { messages, images }: GoldenCase): Promise<number[]> {
  const { checkpoint, imageToken, language } = model;
  const tokenizerConfig = await optionalJson(checkpoint, 'tokenizer_config.json');
  const tokenizer = Tokenizer.load({
    tokenizer: await checkpoint.readJson('tokenizer.json'),
    tokenizerConfig,
    modelType: model.family,
  });
  const template = ChatTemplate.load({
    jinja: checkpoint.has(JINJA) ? await checkpoint.readText(JINJA) : undefined,
    json: await optionalJson(checkpoint, 'chat_template.json'),
    processorConfig: await optionalJson(checkpoint, 'processor_config.json'),
    tokenizerConfig,
    imageToken,
  });
  const segments = template.render(messages);
  const beside = imageNeighbours(segments);
  const expansions = images.map((layout, index) => model.expandImage(layout, beside.get(index)));
  const prompt = tokenizer.encodePrompt(segments, expansions, {
    imageTokenId: language.imageTokenId,
  });
  return [...prompt.ids];
}

const JINJA = 'chat_template.jinja';

async function optionalJson(checkpoint: Checkpoint, file: string): Promise<unknown> {
  return checkpoint.has(file) ? checkpoint.readJson(file) : undefined;
}
