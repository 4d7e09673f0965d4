import { floatWeight, type GraphBuilder, type Value } from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { ClipConfig } from './clip-config.ts';
import { patchEmbeddings, wholePatches } from './patch-embedding.ts';
import { repeatRow } from './repeat-row.ts';
import { encoderLayer, visionNorm } from './vision-encoder.ts';

/** How a CLIP tower, or a SigLIP tower at one size, is put into a graph. */
export interface ClipOptions {
  readonly config: ClipConfig;
  /** Tensors of the tower: `embeddings`, `pre_layrnorm`, `encoder`. */
  readonly tensors: CheckpointTensors;
  /** Which hidden states to lay side by side: 0 is what the first layer reads, n is what layer n yields. */
  readonly states: readonly number[];
}

/**
 * Hidden states of a CLIP or SigLIP tower over tiles [tiles, 3, size, size]: [tiles, rows, states × hidden], the class
 * token first where there is one, without the final norm. Layers that no state needs are left out, and so are their
 * tensors. transformers' CLIPVisionModel and SiglipVisionModel with `output_hidden_states`.
 */
export function clipFeatures(graph: GraphBuilder, pixels: Value, options: ClipOptions): Value {
  const { config, tensors, states } = options;
  const embedded = embed(graph, pixels, options);
  let hidden = config.hasClassToken
    ? visionNorm(graph, embedded, config, tensors.within('pre_layrnorm'))
    : embedded;
  const all = [hidden];
  for (let layer = 0; layer < Math.max(...states); layer++) {
    hidden = encoderLayer(graph, hidden, config, tensors.within(`encoder.layers.${layer}`));
    all.push(hidden);
  }
  const chosen = states.map((state) => all[state]);
  return chosen.length === 1 ? hidden : graph.op('Concat', chosen, { axis: 2 });
}

/** Patches, behind the class token where there is one, with their positions: [tiles, rows, hidden]. */
function embed(graph: GraphBuilder, pixels: Value, { config, tensors }: ClipOptions): Value {
  const { hiddenSize, imageSize, patchSize, side, hasClassToken } = config;
  const embeddings = tensors.within('embeddings');
  const filled = wholePatches(graph, pixels, { edge: imageSize, patchSize });
  const { embeddings: patches } = patchEmbeddings(graph, filled, {
    patchSize,
    hiddenSize,
    tensors: embeddings.within('patch_embedding'),
    bias: !hasClassToken,
  });
  const rows = hasClassToken ? side ** 2 + 1 : side ** 2;
  const positions = embeddings.tensor('position_embedding.weight', [rows, hiddenSize]);
  const tokens = hasClassToken ? withClassToken(graph, patches, pixels, embeddings, hiddenSize) : patches;
  return graph.op('Add', [tokens, floatWeight(graph, positions)]);
}

function withClassToken(
  graph: GraphBuilder,
  patches: Value,
  pixels: Value,
  embeddings: CheckpointTensors,
  hiddenSize: number,
): Value {
  const classToken = repeatRow(graph, embeddings.tensor('class_embedding', [hiddenSize]), pixels);
  return graph.op('Concat', [classToken, patches], { axis: 1 });
}
