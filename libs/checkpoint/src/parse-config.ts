import type { z } from 'zod';
import { invalidFile } from './failures.ts';

/**
 * Checks a configuration file's content against a schema.
 *
 * @param file Name of the file, for the message.
 * @throws DiptychError `checkpoint_invalid` whose message names the file and the first field at fault, and whose
 *   `param` is the field's path (`text_config.hidden_size`).
 */
export function parseConfig<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue ? issue.path.map(String).join('.') : '';
  const problem = issue?.message ?? 'unexpected content';
  throw invalidFile(file, path === '' ? problem : `${path}: ${problem}`, {
    cause: result.error,
    ...(path === '' ? {} : { param: path }),
  });
}
