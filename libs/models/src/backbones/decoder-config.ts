import { z } from 'zod';
import { count, maybe, tokenIds, withDefault } from '../settings.ts';
import { DECODER_DEFAULTS, type DecoderType } from './decoder-types.ts';
import { ropeParameters, rotary } from './rope-config.ts';

/** A decoder's sizes and choices, every default filled in. */
export type DecoderConfig = z.output<typeof decoderConfig>;

/** ONNX Runtime's GroupQueryAttention rotates pairs in vectors of sixteen. */
const HEAD_DIM_STEP = 16;

/** Deeper than any decoder; bounds what a file may make us allocate before its tensors are looked for. */
const MAX_LAYERS = 1000;

const ATTENTION_KINDS = ['full_attention', 'sliding_attention'] as const;

const fields = z.looseObject({
  model_type: z.enum(Object.keys(DECODER_DEFAULTS) as DecoderType[]),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(MAX_LAYERS),
  num_attention_heads: count,
  num_key_value_heads: maybe(count),
  head_dim: maybe(count),
  hidden_act: z.string(),
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive(),
  attention_bias: withDefault(z.boolean(), false),
  mlp_bias: withDefault(z.boolean(), false),
  use_sliding_window: withDefault(z.boolean(), false),
  sliding_window: maybe(count),
  max_window_layers: withDefault(z.int().min(0), 0),
  layer_types: maybe(z.array(z.enum(ATTENTION_KINDS))),
  rope_theta: maybe(z.number().positive()),
  rope_scaling: maybe(ropeParameters),
  rope_parameters: maybe(ropeParameters),
  tie_word_embeddings: withDefault(z.boolean(), false),
  eos_token_id: maybe(tokenIds),
});

type Fields = z.output<typeof fields>;

/**
 * `text_config` of a decoder: Llama, Mistral or Qwen2 by its `model_type` (Llama where it has none), each with the
 * defaults of transformers' LlamaConfig, MistralConfig and Qwen2Config. The rotary embedding comes as
 * `rope_parameters`, or as `rope_theta` and `rope_scaling` in older files.
 */
export const decoderConfig = z.preprocess(
  fillDefaults,
  fields
    .superRefine(checkWindows)
    .transform((raw) => ({
      vocabSize: raw.vocab_size,
      hiddenSize: raw.hidden_size,
      intermediateSize: raw.intermediate_size,
      layers: raw.num_hidden_layers,
      heads: raw.num_attention_heads,
      kvHeads: raw.num_key_value_heads ?? raw.num_attention_heads,
      headDim: raw.head_dim ?? raw.hidden_size / raw.num_attention_heads,
      activation: raw.hidden_act,
      maxPositions: raw.max_position_embeddings,
      rmsNormEpsilon: raw.rms_norm_eps,
      ...biases(raw),
      /** For each layer, how many positions a token sees, itself among them; all where undefined. */
      slidingWindows: slidingWindows(raw),
      rope: rotary(raw),
      tiedEmbeddings: raw.tie_word_embeddings,
      eosTokenIds: raw.eos_token_id ?? [],
    }))
    .refine(({ heads, kvHeads }) => heads % kvHeads === 0, {
      path: ['num_key_value_heads'],
      message: 'must divide num_attention_heads',
    })
    .refine(({ headDim }) => headDim % HEAD_DIM_STEP === 0, {
      path: ['head_dim'],
      message: `must be a multiple of ${HEAD_DIM_STEP} (hidden_size / num_attention_heads where it is not given)`,
    }),
);

/** Defaults of the type for fields that are absent; a field that is null stays so, because null can be a choice. */
function fillDefaults(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const type = 'model_type' in given ? given.model_type : undefined;
  const known = Object.entries(DECODER_DEFAULTS).find(([name]) => name === (type ?? 'llama'));
  return { ...known?.[1], ...given, model_type: type ?? 'llama' };
}

/** Llama asks for biases on all projections of attention or none; Qwen2 always has those of the inputs alone. */
function biases({ model_type: type, attention_bias: attention, mlp_bias: mlp }: Fields) {
  return {
    qkvBias: type === 'qwen2' || (type === 'llama' && attention),
    outputBias: type === 'llama' && attention,
    mlpBias: type === 'llama' && mlp,
  };
}

/** MistralModel slides in every layer or none; Qwen2Config names the kind of each, or slides in the last ones. */
function slidingWindows(raw: Fields): readonly (number | undefined)[] {
  const window = slidingWindow(raw);
  return Array.from({ length: raw.num_hidden_layers }, (_, layer) =>
    kindOf(raw, layer) === 'sliding_attention' ? window : undefined,
  );
}

function slidingWindow({ model_type: type, use_sliding_window: used, sliding_window: window }: Fields) {
  return type === 'mistral' || (type === 'qwen2' && used) ? window : undefined;
}

function kindOf(raw: Fields, layer: number): (typeof ATTENTION_KINDS)[number] {
  const given = raw.layer_types?.[layer];
  if (given) return given;
  const slides = slidingWindow(raw) !== undefined && layer >= raw.max_window_layers;
  return slides ? 'sliding_attention' : 'full_attention';
}

/** Only Qwen2 may give each layer a kind of its own, and a layer that slides needs a window. */
function checkWindows(raw: Fields, context: z.RefinementCtx<Fields>): void {
  const { layer_types: kinds, num_hidden_layers: layers, model_type: type } = raw;
  if (!kinds) return;
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', path: ['layer_types'], message });
  };
  if (kinds.length !== layers) refuse(`must have an entry for each of the ${layers} layers`);
  const plain = slidingWindow(raw) === undefined ? 'full_attention' : 'sliding_attention';
  const isMixed = kinds.some((kind) => kind !== plain);
  if (type !== 'qwen2' && isMixed) refuse(`must be ${plain} for every layer of a ${type} decoder`);
  if (plain === 'full_attention' && kinds.includes('sliding_attention'))
    refuse('asks for sliding_attention, but no sliding window is in use');
}
