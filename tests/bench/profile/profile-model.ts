/**
 * Prints where the time of one run of a compiled graph goes, node by node, as Markdown:
 *
 *     node tests/bench/profile/bin.js --decode 1 --context 1200
 *     node tests/bench/profile/bin.js --prefill 256 --past 1024
 *     node tests/bench/profile/bin.js --tiles 1
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultHome } from '@diptych/checkpoint';
import { loadModel } from '@diptych/models';
import { WEIGHT_FORMATS } from '@diptych/onnx-graph';
import { findShape } from '../shapes.ts';
import { writeCheckpoint } from '../write-checkpoint.ts';
import { nodeTimes } from './node-times.ts';
import { toMarkdown } from './profile-report.ts';
import { decodeWork, prefillWork, visionWork, type Work } from './work.ts';

const HELP = `node tests/bench/profile/bin.js [what] [flags]

what, one of:
  --decode B --context N   one decode step of B sequences that hold N tokens each
  --prefill N --past P     a prompt's part of N tokens behind P tokens
  --tiles T                T tiles through vision encoder and connector

flags:
  --shape NAME             published shape with random weights (default: smolvlm-256m)
  --checkpoint FOLDER      a checkpoint instead
  --weights FORMAT         weight format to compile to (default: int8)
  --threads N              threads of an operator (default: 2)
  --runs N                 runs that count; the median of each is shown (default: 20)
  --home FOLDER            checkpoints and compiled models (default: bench in DIPTYCH_HOME)
  --json                   print one JSON object instead of Markdown
`;

const { values: flags } = parseArgs({
  options: {
    decode: { type: 'string' },
    context: { type: 'string', default: '1200' },
    prefill: { type: 'string' },
    past: { type: 'string', default: '0' },
    tiles: { type: 'string' },
    shape: { type: 'string', default: 'smolvlm-256m' },
    checkpoint: { type: 'string' },
    weights: { type: 'string', default: 'int8' },
    threads: { type: 'string', default: '2' },
    runs: { type: 'string', default: '20' },
    home: { type: 'string', default: join(defaultHome(), 'bench') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** Runs that are not counted: first allocations, caches of the processor. */
const WARM_UP_RUNS = 3;

if (flags.help || [flags.decode, flags.prefill, flags.tiles].filter(Boolean).length !== 1) {
  process.stdout.write(HELP);
  process.exitCode = flags.help ? 0 : 2;
} else {
  await run();
}

async function run(): Promise<void> {
  const model = await compiled();
  const runs = count('runs', flags.runs);
  const folder = await mkdtemp(join(tmpdir(), 'diptych-profile-'));
  try {
    const session = {
      intraOpThreads: count('threads', flags.threads),
      allowSpinning: false,
      profilePrefix: join(folder, 'profile'),
    };
    const { title, step, dispose } = await work(model, session);
    for (let index = 0; index < WARM_UP_RUNS + runs; index += 1) await step();
    dispose();
    const [file = ''] = await readdir(folder);
    const times = nodeTimes(await readFile(join(folder, file), 'utf8'), runs);
    const report = { title: `${title}, ${model.weights}, ${flags.threads} threads`, ...times };
    process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : toMarkdown(report));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compiled() {
  const weights = WEIGHT_FORMATS.find((format) => format === flags.weights);
  if (weights === undefined) throw new Error(`--weights must be one of ${WEIGHT_FORMATS.join(', ')}`);
  const onProgress = (message: string) => process.stderr.write(`${message}\n`);
  const { home } = flags;
  const checkpointFolder =
    flags.checkpoint ?? (await writeCheckpoint({ home, shape: findShape(flags.shape), onProgress }));
  return await loadModel({ checkpointFolder, home, weights, onProgress });
}

type Model = Awaited<ReturnType<typeof compiled>>;

function work(model: Model, session: Parameters<typeof visionWork>[2]): Promise<Work> {
  if (flags.tiles !== undefined) return visionWork(model.vision, count('tiles', flags.tiles), session);
  const { graphPath } = model.language;
  if (flags.prefill === undefined)
    return decodeWork(
      graphPath,
      { batch: count('decode', flags.decode), context: count('context', flags.context) },
      session,
    );
  return prefillWork(
    graphPath,
    { rows: count('prefill', flags.prefill), past: flags.past === '0' ? 0 : count('past', flags.past) },
    session,
  );
}

function count(flag: string, text = ''): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`--${flag} must be a whole number from 1, got "${text}"`);
}
