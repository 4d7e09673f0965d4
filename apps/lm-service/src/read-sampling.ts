import type { Sampling } from '@diptych/contract';
import { type SamplingDefaults, type SamplingParameters, validateSampling } from '@diptych/generation';

/** The wire's sampling parameters in full: what is absent takes the checkpoint's default, then the neutral value. */
export function readSampling(sampling: Sampling | undefined, defaults: SamplingDefaults): SamplingParameters {
  if (sampling === undefined) return validateSampling({}, defaults);
  const { logitBias, ...parameters } = sampling;
  const biases = Object.entries(logitBias).map(([id, bias]) => [Number(id), bias] as const);
  return validateSampling({ ...parameters, logitBias: new Map(biases) }, defaults);
}
