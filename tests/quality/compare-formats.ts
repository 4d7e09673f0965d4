import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { defaultHome } from '@diptych/checkpoint';
import { loadModel } from '@diptych/models';
import { WEIGHT_FORMATS, type WeightFormat } from '@diptych/onnx-graph';
import { Graphs } from '../golden/run-graphs.ts';
import type { Memory } from './measure-memory.ts';
import { agreement, perplexity, readPrompts, scoreText, type TextScore } from './score-text.ts';

/** Tokens of a prompt: long enough that most of them have a context, short enough for the logits of all of them. */
const PROMPT_TOKENS = 512;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: 'string', default: defaultHome() },
    text: { type: 'string', default: join(import.meta.dirname, 'prose.txt') },
    prompts: { type: 'string', default: '1000' },
    weights: { type: 'string', multiple: true, default: [...WEIGHT_FORMATS] },
  },
});
const [checkpointFolder] = positionals;
if (checkpointFolder === undefined)
  throw new Error('usage: compare-formats.ts CHECKPOINT [--weights FORMAT]...');

let reference: TextScore | undefined;
for (const weights of WEIGHT_FORMATS.filter((format) => flags.weights.includes(format))) {
  const score = await measure(checkpointFolder, weights);
  reference ??= score.text;
  const ratio = perplexity(score.text) / perplexity(reference);
  const row = {
    weights,
    tokens: score.text.losses.length,
    perplexity: round(perplexity(score.text), 3),
    ratio: round(ratio, 4),
    top1: round(agreement(score.text, reference), 4),
    diskMB: round(score.diskBytes / 1e6, 1),
    ...score.memory,
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

async function measure(folder: string, weights: WeightFormat) {
  const model = await loadModel({ checkpointFolder: folder, home: flags.home, weights });
  const memory = await memoryOf(model.language.graphPath);
  const { size } = await stat(`${model.language.graphPath}.data`);
  const prompts = await readPrompts(model, await readFile(flags.text, 'utf8'), PROMPT_TOKENS);
  using graphs = await Graphs.load(model);
  const text = await scoreText(graphs, model.language.vocabSize, prompts.slice(0, Number(flags.prompts)));
  return { text, diskBytes: size, memory };
}

/** In a process of its own, as memory that another session has used is not always given back. */
async function memoryOf(graphPath: string): Promise<Memory> {
  const script = join(import.meta.dirname, 'measure-memory.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, graphPath]);
  return JSON.parse(stdout) as Memory;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
