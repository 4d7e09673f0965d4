import type { Checkpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { z } from 'zod';
import type { Family } from './family.ts';
import { idefics2 } from './idefics2/family.ts';
import { idefics3 } from './idefics3/family.ts';
import { llava } from './llava/family.ts';
import { llavaNext } from './llava-next/family.ts';

/** Every family that Diptych serves. A new one is a folder and a row here. */
export const FAMILIES: readonly Family[] = [idefics2, idefics3, llava, llavaNext];

/**
 * The family that a checkpoint's `model_type` names.
 *
 * @throws DiptychError `model_family_unsupported` listing the supported ones; `checkpoint_invalid` where config.json
 *   names none.
 */
export async function findFamily(checkpoint: Checkpoint): Promise<Family> {
  const { model_type: type } = await checkpoint.readConfig('config.json', typedConfig);
  const family = FAMILIES.find(({ modelTypes }) => modelTypes.includes(type));
  if (family) return family;
  const supported = FAMILIES.flatMap(({ modelTypes }) => modelTypes).join(', ');
  throw new DiptychError(
    'model_family_unsupported',
    `config.json: model_type is "${type}"; supported are ${supported}.`,
    { param: 'model_type' },
  );
}

const typedConfig = z.looseObject({ model_type: z.string() });
