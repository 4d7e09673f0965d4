import { DiptychError } from '@diptych/errors';

/** Most characters of a name that an error repeats. */
const MAX_SHOWN = 100;

/** Refuses a model that is not the one served. @throws DiptychError `model_not_found` naming the right one. */
export function checkModel(asked: string, served: string): void {
  if (asked === served) return;
  const shown = JSON.stringify(asked.slice(0, MAX_SHOWN));
  throw new DiptychError(
    'model_not_found',
    `There is no model ${shown} here; served is ${JSON.stringify(served)}.`,
    {
      param: 'model',
    },
  );
}
