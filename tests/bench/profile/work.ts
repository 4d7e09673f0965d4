import { OnnxDecoder } from '@diptych/generation';
import { type LoadedModel, openSession } from '@diptych/models';
import { type SessionOptions, Tensor } from '@diptych/onnxruntime';

/** Something to run again and again. */
export interface Work {
  /** What one step is, in words. */
  readonly title: string;
  readonly step: () => Promise<void>;
  readonly dispose: () => void;
}

/** One decode step of `batch` sequences that hold `context` tokens each. */
export async function decodeWork(
  graphPath: string,
  { batch, context }: { readonly batch: number; readonly context: number },
  session: SessionOptions,
): Promise<Work> {
  const decoder = await OnnxDecoder.load({ graphPath, slots: batch, capacity: context + 1, session });
  await fill(decoder, context);
  const logits = new Float32Array(batch * decoder.vocabSize);
  const entries = Array.from({ length: batch }, (_, slot) => ({ slot, past: context, id: 100 + slot }));
  return {
    title: `Decode of ${batch} with ${context} tokens of context`,
    step: () => decoder.decode(entries, logits),
    dispose: () => decoder[Symbol.dispose](),
  };
}

/** A prompt's part of `rows` tokens behind `past` tokens, with logits of the last. */
export async function prefillWork(
  graphPath: string,
  { rows, past }: { readonly rows: number; readonly past: number },
  session: SessionOptions,
): Promise<Work> {
  const decoder = await OnnxDecoder.load({ graphPath, slots: 1, capacity: past + rows, session });
  const logits = new Float32Array(decoder.vocabSize);
  const ids = Int32Array.from({ length: rows }, (_, index) => 100 + index);
  const images = { rows: new Float32Array(0), positions: new Int32Array(0) };
  return {
    title: `Prefill of ${rows} tokens behind ${past}`,
    step: () => decoder.prefill({ slot: 0, past, ids, images, logits }),
    dispose: () => decoder[Symbol.dispose](),
  };
}

/** Tiles of the size that the model warms up with, through encoder and connector. */
export async function visionWork(
  vision: LoadedModel['vision'],
  tiles: number,
  options: SessionOptions,
): Promise<Work> {
  const session = await openSession(vision.graphPath, options);
  const { warmUpTile, rowsPerTile, hiddenSize } = vision;
  const { width, height } = warmUpTile;
  const pixels = new Float32Array(tiles * 3 * height * width).map((_, index) => Math.sin(index));
  const features = Tensor.allocate('float32', [tiles, rowsPerTile, hiddenSize]);
  const binding = session.createBinding();
  binding.bindInput('pixel_values', Tensor.over('float32', [tiles, 3, height, width], pixels));
  binding.bindOutput('image_features', features);
  return {
    title: `${tiles} tiles of ${width} x ${height}`,
    step: () => session.run(binding),
    dispose: () => session[Symbol.dispose](),
  };
}

/** Touches every row of the cache, as memory that was never written costs nothing to read. */
async function fill(decoder: OnnxDecoder, context: number): Promise<void> {
  const images = { rows: new Float32Array(0), positions: new Int32Array(0) };
  for (let slot = 0; slot < decoder.slots; slot += 1) {
    const ids = Int32Array.from({ length: context }, (_, index) => 100 + index);
    for (let past = 0; past < context; past += FILL_ROWS)
      await decoder.prefill({ slot, past, ids: ids.subarray(past, past + FILL_ROWS), images });
  }
}

const FILL_ROWS = 256;
