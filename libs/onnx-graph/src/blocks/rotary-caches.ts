import { DiptychError } from '@diptych/errors';

/** Parameters of a rotary embedding. */
export interface RotaryOptions {
  readonly headDim: number;
  /** `rope_theta` of the configuration. */
  readonly theta: number;
  /** Rows of the tables: no position may reach it. */
  readonly maxPositions: number;
  readonly scaling?: RopeScaling | undefined;
}

/** `rope_scaling` (or `rope_parameters`) as it stands in config.json; which fields count depends on the type. */
export interface RopeScaling {
  readonly rope_type?: string | undefined;
  /** Older name of `rope_type`. */
  readonly type?: string | undefined;
  readonly factor?: number | undefined;
  readonly low_freq_factor?: number | undefined;
  readonly high_freq_factor?: number | undefined;
  readonly original_max_position_embeddings?: number | undefined;
}

/** Tables of a rotary embedding, row-major; row p, column i hold the cosine and sine of p·frequency(i). */
export interface RotaryCaches {
  readonly shape: readonly [maxPositions: number, halfDim: number];
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * Cosines and sines for positions 0 to maxPositions - 1, in float32 throughout as transformers computes them
 * (modeling_rope_utils.py, LlamaRotaryEmbedding). Types: default, linear, llama3.
 *
 * @throws DiptychError `checkpoint_invalid` naming `rope_scaling.rope_type` for another type, or the field of
 *   `rope_scaling` that is missing.
 */
export function rotaryCaches({ headDim, theta, maxPositions, scaling }: RotaryOptions): RotaryCaches {
  const frequencies = scaledFrequencies(defaultFrequencies(headDim, theta), scaling ?? {});
  const cos = new Float32Array(maxPositions * frequencies.length);
  const sin = new Float32Array(cos.length);
  for (let position = 0; position < maxPositions; position++) {
    frequencies.forEach((frequency, index) => {
      const angle = Math.fround(position * frequency);
      cos[position * frequencies.length + index] = Math.cos(angle);
      sin[position * frequencies.length + index] = Math.sin(angle);
    });
  }
  return { shape: [maxPositions, frequencies.length], cos, sin };
}

function defaultFrequencies(headDim: number, theta: number): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, index) => {
    const exponent = Math.fround((2 * index) / headDim);
    return 1 / Math.fround(theta ** exponent);
  });
}

function scaledFrequencies(frequencies: Float32Array, scaling: RopeScaling): Float32Array {
  const type = scaling.rope_type ?? scaling.type ?? 'default';
  if (type === 'default') return frequencies;
  if (type === 'linear') return frequencies.map((frequency) => frequency / required(scaling, 'factor'));
  if (type === 'llama3') return llama3Frequencies(frequencies, scaling);
  throw invalid('rope_type', `is "${type}"; supported are default, linear and llama3`);
}

/** Long wavelengths are stretched by `factor`, short ones kept, those between them interpolated. */
function llama3Frequencies(frequencies: Float32Array, scaling: RopeScaling): Float32Array {
  const factor = required(scaling, 'factor');
  const low = required(scaling, 'low_freq_factor');
  const high = required(scaling, 'high_freq_factor');
  const context = required(scaling, 'original_max_position_embeddings');
  return frequencies.map((frequency) => {
    const turns = (context * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const smooth = (turns - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

type NumberField = Exclude<keyof RopeScaling, 'rope_type' | 'type'>;

function required(scaling: RopeScaling, field: NumberField): number {
  const value = scaling[field];
  if (value === undefined) throw invalid(field, 'is missing');
  return value;
}

function invalid(field: keyof RopeScaling, problem: string): DiptychError {
  const param = `rope_scaling.${field}`;
  return new DiptychError('checkpoint_invalid', `${param} in config.json ${problem}.`, { param });
}
