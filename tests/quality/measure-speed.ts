import { parseArgs } from 'node:util';
import { defaultHome } from '@diptych/checkpoint';
import { OnnxDecoder } from '@diptych/generation';
import { loadModel } from '@diptych/models';
import { WEIGHT_FORMATS } from '@diptych/onnx-graph';

/** Rows of a prefill step, as the engine cuts prompts. */
const PREFILL = 256;
/** Steps in the formats' turns; the median of each counts. */
const ROUNDS = 15;
const SLOTS = 8;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { home: { type: 'string', default: defaultHome() }, threads: { type: 'string', default: '2' } },
});
const [checkpointFolder] = positionals;
if (checkpointFolder === undefined) throw new Error('usage: measure-speed.ts CHECKPOINT');

const decoders = new Map<string, OnnxDecoder>();
for (const weights of WEIGHT_FORMATS) {
  const model = await loadModel({ checkpointFolder, home: flags.home, weights });
  const session = { intraOpThreads: Number(flags.threads), allowSpinning: false };
  const options = { graphPath: model.language.graphPath, slots: SLOTS, capacity: 2 * PREFILL, session };
  decoders.set(weights, await OnnxDecoder.load(options));
}

const ids = Int32Array.from({ length: PREFILL }, (_, index) => 100 + index * 7);
const images = { rows: new Float32Array(0), positions: new Int32Array(0) };
const slots = [...Array(SLOTS).keys()];
const STEPS: Record<string, (decoder: OnnxDecoder, logits: Float32Array) => Promise<void>> = {
  [`prefill of ${PREFILL}`]: (decoder, logits) => decoder.prefill({ slot: 0, past: 0, ids, images, logits }),
  'decode of 1': (decoder, logits) => decoder.decode([{ slot: 0, past: PREFILL, id: 100 }], logits),
  [`decode of ${SLOTS}`]: (decoder, logits) =>
    decoder.decode(
      slots.map((slot) => ({ slot, past: 16, id: 100 + slot })),
      logits,
    ),
};
for (const [name, step] of Object.entries(STEPS)) {
  const times = new Map([...decoders.keys()].map((weights) => [weights, Array<number>()]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [weights, decoder] of decoders) {
      const logits = new Float32Array(SLOTS * decoder.vocabSize);
      const begin = performance.now();
      await step(decoder, logits);
      times.get(weights)?.push(performance.now() - begin);
    }
  }
  const medians = new Map([...times].map(([weights, all]) => [weights, median(all)]));
  const float32 = medians.get('float32') ?? Number.NaN;
  for (const [weights, time] of medians) {
    const row = {
      step: name,
      weights,
      milliseconds: Number(time.toFixed(1)),
      speed: Number((float32 / time).toFixed(2)),
    };
    process.stdout.write(`${JSON.stringify(row)}\n`);
  }
}
for (const decoder of decoders.values()) decoder[Symbol.dispose]();

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
