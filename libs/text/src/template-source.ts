import { DiptychError } from '@diptych/errors';
import { isObject, type JsonObject } from './tokenizer-json.ts';

/** Where a chat template may stand; `undefined` for what is not there. */
export interface TemplateSources {
  /** A template from elsewhere, which replaces the checkpoint's own. */
  readonly given?: TemplateFile | undefined;
  /** processor_config.json, parsed: where the earliest multimodal checkpoints keep it. */
  readonly processorConfig?: unknown;
  /** Text of chat_template.jinja. */
  readonly jinja?: string | undefined;
  /** chat_template.json, parsed. */
  readonly json?: unknown;
  /** tokenizer_config.json, parsed. */
  readonly tokenizerConfig?: unknown;
}

/** A chat template and the file that it stands in. */
export interface TemplateFile {
  /** Name of the file, for errors. */
  readonly file: string;
  /** The template, in Jinja. */
  readonly text: string;
}

/**
 * The chat template of a checkpoint, looked for as the reference does: processor_config.json, chat_template.jinja,
 * chat_template.json, tokenizer_config.json; of several by name, the one called `default`. A base model has none:
 * `undefined`. Throws `checkpoint_invalid`, naming the file, for one that is there and is no template.
 */
export function findTemplate({
  given,
  processorConfig,
  jinja,
  json,
  tokenizerConfig,
}: TemplateSources): TemplateFile | undefined {
  if (given !== undefined) return given;
  const old = templateIn('processor_config.json', processorConfig);
  if (old) return old;
  if (jinja !== undefined) return { file: 'chat_template.jinja', text: jinja };
  return templateIn('chat_template.json', json) ?? templateIn('tokenizer_config.json', tokenizerConfig);
}

/** Whether there is a chat template at all; a base model has none. Throws as loading it would. */
export function hasTemplate(sources: TemplateSources): boolean {
  return findTemplate(sources) !== undefined;
}

function templateIn(file: string, content: unknown): TemplateFile | undefined {
  const field = isObject(content) ? content.chat_template : undefined;
  if (field === undefined || field === null) return undefined;
  return { file, text: typeof field === 'string' ? field : namedTemplate(file, field) };
}

/** Older files have a list of names and templates, newer ones an object; `default` is the one for conversations. */
function namedTemplate(file: string, field: unknown): string {
  const byName = Array.isArray(field) ? fromList(field) : field;
  const template = isObject(byName) ? byName.default : undefined;
  if (typeof template === 'string') return template;
  throw new DiptychError(
    'checkpoint_invalid',
    `${file}: chat_template must be a template or hold one named "default".`,
    { param: 'chat_template' },
  );
}

function fromList(templates: readonly unknown[]): JsonObject {
  const entries = templates.filter(isObject).map(({ name, template }) => [String(name), template] as const);
  return Object.fromEntries(entries);
}
