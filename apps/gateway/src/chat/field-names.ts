import { DiptychError } from '@diptych/errors';

/** What a caller of an endpoint calls the fields that the stages name in their errors. */
export type FieldNames = Readonly<Record<string, string>>;

/** The stages speak of conversations; who writes a prompt sends it as `prompt`. */
export const RAW_PROMPT_NAMES: FieldNames = { messages: 'prompt' };

/** An error of a stage, told of the field that the caller sent; others as they are. */
export function aboutField(error: unknown, names: FieldNames): unknown {
  if (!(error instanceof DiptychError) || error.param === undefined) return error;
  const { code, param } = error;
  const field = Object.hasOwn(names, param) ? names[param] : undefined;
  if (field === undefined) return error;
  const message = error.message.replaceAll(new RegExp(`\\b${param}\\b`, 'g'), field);
  return new DiptychError(code, message, { param: field, cause: error });
}
