import type { Shape, TowerSizes } from './shapes/shape.ts';

/** A tensor's name and shape, and what it is filled with. */
export interface TensorShape {
  readonly name: string;
  readonly shape: readonly number[];
  /** Scales of norms are one, so that activations keep their size; all else is random. */
  readonly fill: 'random' | 'ones';
}

/** Every tensor of a model by the name and in the order of transformers' `state_dict`. */
export function tensorList(shape: Shape): TensorShape[] {
  return [...tower(shape), ...connector(shape), ...decoder(shape)];
}

/** How many parameters tensors have together. */
export function countParameters(tensors: readonly TensorShape[]): number {
  return tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0);
}

/** How many values a tensor has. */
export function elementsOf({ shape }: TensorShape): number {
  return shape.reduce((product, size) => product * size, 1);
}

function tower({ tower: sizes }: Shape): TensorShape[] {
  const { hidden, layers, patch, positions } = sizes;
  return within('model.vision_model', [
    weight('embeddings.patch_embedding.weight', hidden, 3, patch, patch),
    weight('embeddings.patch_embedding.bias', hidden),
    weight('embeddings.position_embedding.weight', positions, hidden),
    ...repeated('encoder.layers', layers, towerLayer(sizes)),
    ...norm('post_layernorm', hidden, { bias: true }),
  ]);
}

function towerLayer({ hidden, intermediate }: TowerSizes): TensorShape[] {
  const projections = ['k_proj', 'v_proj', 'q_proj', 'out_proj'];
  return [
    ...projections.flatMap((name) => linear(`self_attn.${name}`, hidden, hidden, { bias: true })),
    ...norm('layer_norm1', hidden, { bias: true }),
    ...linear('mlp.fc1', intermediate, hidden, { bias: true }),
    ...linear('mlp.fc2', hidden, intermediate, { bias: true }),
    ...norm('layer_norm2', hidden, { bias: true }),
  ];
}

function connector(shape: Shape): TensorShape[] {
  const { connector: sizes, tower: from, decoder: to } = shape;
  if (sizes.kind === 'pixel-shuffle')
    return within(
      'model.connector',
      linear('modality_projection.proj', to.hidden, from.hidden * sizes.scale ** 2),
    );
  return within('model.connector', [
    ...gatedMlp('modality_projection', { inputs: from.hidden, middle: to.intermediate, outputs: to.hidden }),
    weight('perceiver_resampler.latents', sizes.latents, to.hidden),
    ...repeated('perceiver_resampler.layers', sizes.depth, perceiverLayer(to.hidden, sizes)),
    ...norm('perceiver_resampler.norm', to.hidden),
  ]);
}

interface AttentionSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Width of the perceiver's MLP over that of its rows: Idefics2PerceiverLayer. */
const PERCEIVER_EXPANSION = 4;

function perceiverLayer(hidden: number, sizes: AttentionSizes): TensorShape[] {
  return [
    ...norm('input_latents_norm', hidden),
    ...norm('input_context_norm', hidden),
    ...attention(hidden, sizes),
    ...norm('post_attention_layernorm', hidden),
    ...gatedMlp('mlp', { inputs: hidden, middle: PERCEIVER_EXPANSION * hidden, outputs: hidden }),
  ];
}

function decoder({ decoder: sizes }: Shape): TensorShape[] {
  const { hidden, intermediate, layers, vocabulary } = sizes;
  const layer = [
    ...attention(hidden, sizes),
    ...gatedMlp('mlp', { inputs: hidden, middle: intermediate, outputs: hidden }),
    ...norm('input_layernorm', hidden),
    ...norm('post_attention_layernorm', hidden),
  ];
  return [
    ...within('model.text_model', [
      weight('embed_tokens.weight', vocabulary, hidden),
      ...repeated('layers', layers, layer),
      ...norm('norm', hidden),
    ]),
    weight('lm_head.weight', vocabulary, hidden),
  ];
}

function attention(hidden: number, { heads, kvHeads, headDim }: AttentionSizes): TensorShape[] {
  return [
    ...linear('self_attn.q_proj', heads * headDim, hidden),
    ...linear('self_attn.k_proj', kvHeads * headDim, hidden),
    ...linear('self_attn.v_proj', kvHeads * headDim, hidden),
    ...linear('self_attn.o_proj', hidden, heads * headDim),
  ];
}

function gatedMlp(
  name: string,
  { inputs, middle, outputs }: { inputs: number; middle: number; outputs: number },
): TensorShape[] {
  return [
    ...linear(`${name}.gate_proj`, middle, inputs),
    ...linear(`${name}.up_proj`, middle, inputs),
    ...linear(`${name}.down_proj`, outputs, middle),
  ];
}

function linear(name: string, outputs: number, inputs: number, { bias = false } = {}): TensorShape[] {
  const bare = weight(`${name}.weight`, outputs, inputs);
  return bias ? [bare, weight(`${name}.bias`, outputs)] : [bare];
}

function norm(name: string, width: number, { bias = false } = {}): TensorShape[] {
  const scale: TensorShape = { name: `${name}.weight`, shape: [width], fill: 'ones' };
  return bias ? [scale, weight(`${name}.bias`, width)] : [scale];
}

function weight(name: string, ...shape: number[]): TensorShape {
  return { name, shape, fill: 'random' };
}

function within(prefix: string, tensors: readonly TensorShape[]): TensorShape[] {
  return tensors.map((tensor) => ({ ...tensor, name: `${prefix}.${tensor.name}` }));
}

function repeated(name: string, count: number, layer: readonly TensorShape[]): TensorShape[] {
  return Array.from({ length: count }, (_, index) => within(`${name}.${index}`, layer)).flat();
}
