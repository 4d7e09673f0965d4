import { DiptychError } from '@diptych/errors';

/** Throws `invalid_parameter` where a text holds half of a surrogate pair: no bytes stand for it. */
export function assertWellFormed(text: string, param: string): void {
  if (text.isWellFormed()) return;
  throw new DiptychError(
    'invalid_parameter',
    `${param} is not well-formed Unicode: it holds half of a surrogate pair; send whole characters.`,
    { param },
  );
}
