/** What a node is there for. */
export type NodeGroup =
  | 'attention'
  | 'linear products'
  | 'quantisation of activations'
  | 'norms'
  | 'activation functions'
  | 'factors, biases and activation functions'
  | 'head'
  | 'rest';

const GROUPS: Readonly<Partial<Record<string, NodeGroup>>> = {
  GroupQueryAttention: 'attention',
  MultiHeadAttention: 'attention',
  Attention: 'attention',
  CachedAttention: 'attention',
  TileAttention: 'attention',
  Softmax: 'attention',
  FusedMatMul: 'linear products',
  MatMul: 'linear products',
  Gemm: 'linear products',
  MatMulNBits: 'linear products',
  MatMulInteger: 'linear products',
  MatMulIntegerToFloat: 'linear products',
  DynamicQuantizeMatMul: 'linear products',
  Conv: 'linear products',
  FusedConv: 'linear products',
  RotatedBytes: 'quantisation of activations',
  ScaledRows: 'factors, biases and activation functions',
  Abs: 'quantisation of activations',
  ReduceMax: 'quantisation of activations',
  Max: 'quantisation of activations',
  Div: 'quantisation of activations',
  QuantizeLinear: 'quantisation of activations',
  DequantizeLinear: 'quantisation of activations',
  DynamicQuantizeLinear: 'quantisation of activations',
  Sub: 'quantisation of activations',
  Concat: 'quantisation of activations',
  Unsqueeze: 'quantisation of activations',
  Squeeze: 'quantisation of activations',
  LayerNormalization: 'norms',
  SkipLayerNormalization: 'norms',
  SimplifiedLayerNormalization: 'norms',
  SkipSimplifiedLayerNormalization: 'norms',
  Gelu: 'activation functions',
  FastGelu: 'activation functions',
  BiasGelu: 'activation functions',
  QuickGelu: 'activation functions',
  Sigmoid: 'activation functions',
  Tanh: 'activation functions',
  Erf: 'activation functions',
};

const DECODER_ATTENTION: readonly string[] = ['GroupQueryAttention', 'CachedAttention'];

/**
 * The group of a node of a run, by its operator. Graphs have no names that tell more, but the last products of a
 * decoder, behind the gathering of the rows that are sampled, are its head. An operator of ours has sizes in its name.
 */
export function groupOf(ops: readonly string[], index: number): NodeGroup {
  const kinds = ops.map((op) => op.split('_')[0] ?? '');
  const group = GROUPS[kinds[index] ?? ''] ?? 'rest';
  const isDecoder = kinds.some((kind) => DECODER_ATTENTION.includes(kind));
  return isDecoder && index > ops.lastIndexOf('Gather') ? 'head' : group;
}
