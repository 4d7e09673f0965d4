import { floatWeight, type GraphBuilder, type Value } from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import { patchEmbeddings } from './patch-embedding.ts';
import { positionIds } from './position-buckets.ts';
import type { SiglipConfig } from './siglip-config.ts';
import { visionEncoder, visionNorm } from './vision-encoder.ts';

/** How a SigLIP tower is put into a graph. */
export interface SiglipOptions {
  readonly config: SiglipConfig;
  /** Tensors of the tower: `embeddings`, `encoder`, `post_layernorm`. */
  readonly tensors: CheckpointTensors;
}

/**
 * SigLIP at native aspect ratio over tiles of one size, both sides a multiple of the patch: [tiles, 3, height, width]
 * -> [tiles, patches, hidden], after the last norm. The size may vary from run to run. transformers'
 * Idefics2VisionTransformer and Idefics3VisionTransformer where every pixel of a tile counts.
 */
export function siglip(graph: GraphBuilder, pixels: Value, { config, tensors }: SiglipOptions): Value {
  const { hiddenSize, patchSize, imageSize, layers } = config;
  const { embeddings, rows, columns } = patchEmbeddings(graph, pixels, {
    patchSize,
    hiddenSize,
    tensors: tensors.within('embeddings.patch_embedding'),
    bias: true,
  });
  const trained = Math.floor(imageSize / patchSize);
  const table = tensors.tensor('embeddings.position_embedding.weight', [trained ** 2, hiddenSize]);
  const ids = positionIds(graph, { rows, columns, trained });
  const positions = graph.op('Gather', [floatWeight(graph, table), ids], { axis: 0 });
  const input = graph.op('Add', [embeddings, positions]);
  const output = visionEncoder(graph, input, { config, tensors: tensors.within('encoder'), layers });
  return visionNorm(graph, output, config, tensors.within('post_layernorm'));
}
