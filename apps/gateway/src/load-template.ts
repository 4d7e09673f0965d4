import { readFile } from 'node:fs/promises';
import type { Checkpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { ChatTemplate, hasTemplate, type TemplateFile } from '@diptych/text';
import { MISSING_TEMPLATE } from './chat/missing-template.ts';
import type { PromptTemplate } from './chat/prompt.ts';

/** What a template needs besides the checkpoint. */
export interface LoadTemplateOptions {
  /** What the family's templates write in place of an image. */
  readonly imageToken: string;
  /** Path of a Jinja file that replaces the checkpoint's own template. */
  readonly chatTemplate?: string | undefined;
}

/**
 * The chat template of a checkpoint, or the file that replaces it. A base model has none: its gateway serves raw prompts,
 * and refuses conversations.
 *
 * @throws DiptychError `checkpoint_invalid` naming the file of a template that is broken; `configuration_invalid` where
 *   that is the file of `chatTemplate`, or where it cannot be read.
 */
export async function loadTemplate(
  checkpoint: Checkpoint,
  { imageToken, chatTemplate }: LoadTemplateOptions,
): Promise<PromptTemplate> {
  const optionalJson = async (file: string) =>
    checkpoint.has(file) ? await checkpoint.readJson(file) : undefined;
  const tokenizerConfig = await optionalJson('tokenizer_config.json');
  if (chatTemplate !== undefined) {
    const given = await readGiven(chatTemplate);
    return loadGiven(() => ChatTemplate.load({ given, tokenizerConfig, imageToken }));
  }
  const own = {
    processorConfig: await optionalJson('processor_config.json'),
    jinja: checkpoint.has('chat_template.jinja')
      ? await checkpoint.readText('chat_template.jinja')
      : undefined,
    json: await optionalJson('chat_template.json'),
    tokenizerConfig,
  };
  return hasTemplate(own) ? ChatTemplate.load({ ...own, imageToken }) : MISSING_TEMPLATE;
}

async function readGiven(file: string): Promise<TemplateFile> {
  try {
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `--chat-template: cannot read ${file} (${reason}); give a Jinja file in UTF-8.`;
    throw new DiptychError('configuration_invalid', message, { cause });
  }
}

/** What is wrong with a given file is a fault of the configuration, not of the checkpoint. */
function loadGiven(load: () => ChatTemplate): ChatTemplate {
  try {
    return load();
  } catch (cause) {
    if (!(cause instanceof DiptychError)) throw cause;
    throw new DiptychError('configuration_invalid', `--chat-template: ${cause.message}`, { cause });
  }
}
