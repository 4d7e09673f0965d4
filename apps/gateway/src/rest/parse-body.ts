import { DiptychError } from '@diptych/errors';
import type { z } from 'zod';

/** Most characters of a name or id that an error repeats. */
export const MAX_SHOWN = 100;

/** What a body is measured against. */
export interface BodyOptions {
  /** Id of the model that is served. */
  readonly model: string;
  /** Largest encoded image in bytes. */
  readonly maxImageBytes: number;
}

/** Parameters of OpenAI's API that are not supported, each with the reason. */
export type RefusedParameters = Readonly<Record<string, string>>;

/**
 * A parsed body in the shape of its endpoint. `null` counts as absent, for refused parameters too.
 *
 * @throws DiptychError `malformed_request`, `invalid_parameter` or `unsupported_parameter`, with the path of the field at
 *   fault as `param`.
 */
export function parseBody<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  refused: RefusedParameters,
): z.output<Schema> {
  refuseUnsupported(value, refused);
  const result = schema.safeParse(value);
  if (!result.success) throw firstIssue(result.error);
  return result.data;
}

/** A parameter that is wrong. `message` goes after its name. */
export function invalid(param: string, message: string): DiptychError {
  return new DiptychError('invalid_parameter', `${param} ${message}.`, { param });
}

function refuseUnsupported(value: unknown, refused: RefusedParameters): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DiptychError('malformed_request', 'The body must be a JSON object.');
  }
  for (const [name, reason] of Object.entries(refused)) {
    if (Object.hasOwn(value, name) && Reflect.get(value, name) !== null)
      throw unsupported(name, `: ${reason}`);
  }
}

function unsupported(param: string, reason = ''): DiptychError {
  return new DiptychError('unsupported_parameter', `${param} is not supported${reason}; leave it out.`, {
    param,
  });
}

function firstIssue({ issues }: z.ZodError): DiptychError {
  const [issue] = issues;
  const path = issue?.path ?? [];
  if (issue?.code === 'unrecognized_keys')
    return unsupported(dotted([...path, issue.keys[0]?.slice(0, MAX_SHOWN) ?? '']));
  const param = dotted(path);
  const code = issue?.message.startsWith('is not supported') ? 'unsupported_parameter' : 'invalid_parameter';
  return new DiptychError(code, `${param} ${issue?.message ?? 'is wrong'}.`, { param });
}

/** `messages[0].content` and the like. */
function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}
