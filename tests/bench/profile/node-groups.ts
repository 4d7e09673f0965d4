/** What a node is there for. */
export type NodeGroup =
  | 'attention'
  | 'linear products'
  | 'quantisation of activations'
  | 'norms'
  | 'activation functions'
  | 'head'
  | 'rest';

const GROUPS: Readonly<Partial<Record<string, NodeGroup>>> = {
  GroupQueryAttention: 'attention',
  MultiHeadAttention: 'attention',
  Attention: 'attention',
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

const DECODER_ATTENTION = 'GroupQueryAttention';

/**
 * The group of a node of a run, by its operator. Graphs have no names that tell more, but the last products of a
 * decoder, behind the gathering of the rows that are sampled, are its head.
 */
export function groupOf(ops: readonly string[], index: number): NodeGroup {
  const group = GROUPS[ops[index] ?? ''] ?? 'rest';
  const isDecoder = ops.includes(DECODER_ATTENTION);
  return isDecoder && index > ops.lastIndexOf('Gather') ? 'head' : group;
}
