import { DiptychError } from '@diptych/errors';
import { isObject } from './tokenizer-json.ts';

/** The files of a checkpoint that may hold its chat template; `undefined` for one that it lacks. */
export interface TemplateSources {
  /** Text of chat_template.jinja. */
  readonly jinja?: string | undefined;
  /** chat_template.json, parsed. */
  readonly json?: unknown;
  /** tokenizer_config.json, parsed. */
  readonly tokenizerConfig?: unknown;
}

/**
 * The text of a checkpoint's chat template, looked for as the reference does: chat_template.jinja, then
 * chat_template.json, then tokenizer_config.json; of a named list, the one called `default`. Throws
 * `checkpoint_file_missing` where there is none.
 */
export function findTemplate({ jinja, json, tokenizerConfig }: TemplateSources): string {
  const template = jinja ?? templateIn(json) ?? templateIn(tokenizerConfig);
  if (template !== undefined) return template;
  throw new DiptychError(
    'checkpoint_file_missing',
    'The checkpoint has no chat template: expected chat_template.jinja, chat_template.json or chat_template in tokenizer_config.json.',
  );
}

function templateIn(file: unknown): string | undefined {
  if (!isObject(file)) return undefined;
  const { chat_template: template } = file;
  if (typeof template === 'string') return template;
  if (Array.isArray(template)) return namedTemplate(template);
  return isObject(template) && typeof template.default === 'string' ? template.default : undefined;
}

function namedTemplate(templates: readonly unknown[]): string | undefined {
  const found = templates.filter(isObject).find(({ name }) => name === 'default');
  return typeof found?.template === 'string' ? found.template : undefined;
}
