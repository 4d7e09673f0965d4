import { z } from 'zod';
import { count, maybe } from '../settings.ts';

/** `rope_parameters`, or `rope_scaling` in older files. */
export const ropeParameters = z.looseObject({
  rope_theta: maybe(z.number().positive()),
  rope_type: maybe(z.string()),
  type: maybe(z.string()),
  factor: maybe(z.number().positive()),
  low_freq_factor: maybe(z.number().positive()),
  high_freq_factor: maybe(z.number().positive()),
  original_max_position_embeddings: maybe(count),
  partial_rotary_factor: maybe(
    z.number().refine((part) => part === 1, 'must be 1: partial rotary embeddings are not supported'),
  ),
});

type RopeParameters = z.output<typeof ropeParameters>;

/** The reference's theta where no file gives one. */
const DEFAULT_THETA = 10_000;

/** transformers' RotaryEmbeddingConfigMixin: either form, `default_theta` 10000, the trained length as default. */
export function rotary(raw: {
  readonly rope_theta: number | undefined;
  readonly rope_scaling: RopeParameters | undefined;
  readonly rope_parameters: RopeParameters | undefined;
  readonly max_position_embeddings: number;
}) {
  const given = raw.rope_scaling ?? raw.rope_parameters;
  return {
    theta: given?.rope_theta ?? raw.rope_theta ?? DEFAULT_THETA,
    scaling: given && {
      ...given,
      original_max_position_embeddings: given.original_max_position_embeddings ?? raw.max_position_embeddings,
    },
  };
}
