import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel } from '@diptych/models';
import type { BenchReport, PeerReport } from './bench-report.ts';
import { matrixRate } from './limits/matrix-rate.ts';
import { readBandwidth } from './limits/read-bandwidth.ts';
import { stepBytes } from './limits/step-bytes.ts';
import { linesOf } from './lines-of.ts';
import { thisMachine } from './machine.ts';
import { checkSameModel } from './peers/same-model.ts';
import { type PeerForms, startPeers } from './peers/start-peers.ts';
import { processUse } from './process-use.ts';
import { Prompts } from './prompts.ts';
import type { Shape } from './shapes/shape.ts';
import { Embedded } from './targets/embedded.ts';
import { OurServices } from './targets/services.ts';
import type { Target } from './targets/target.ts';
import { type Comparison, compare } from './workloads/compare.ts';
import { measureCrowd } from './workloads/crowd.ts';
import { measureIntruder } from './workloads/intruder.ts';
import { measureResident } from './workloads/resident.ts';
import { measureSecondTurn } from './workloads/second-turn.ts';
import { CLIENTS, type Sizes } from './workloads/sizes.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

/** What to run. */
export interface BenchOptions {
  readonly shape: Shape;
  readonly sizes: Sizes;
  /** Folder of the bench's files: checkpoints, exports, compiled models, the last run. */
  readonly home: string;
  /** Value of `--weights` for our services. */
  readonly weights: string;
  /** Whether the peers are measured too. */
  readonly peers: boolean;
  readonly onProgress: (message: string) => void;
}

/** Runs the benchmark: what is compared with others first, then what our services do alone. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const begin = performance.now();
  const scratch = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
  try {
    const run = await prepare(options, scratch);
    options.onProgress('Limits: memory bandwidth, matrix products.');
    const limits = await measureLimits(run);
    const compared = await measureCompared(run);
    const alone = await measureAlone(run);
    const measured = { ...compared, ...alone, limits, sizes: options.sizes };
    return {
      shape: options.shape.name,
      machine: thisMachine(),
      finished: new Date().toISOString(),
      seconds: (performance.now() - begin) / 1000,
      weights: { asked: options.weights, chosen: run.chosenWeights },
      ...measured,
      lines: linesOf(measured),
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Run extends BenchOptions {
  readonly scratch: string;
  readonly checkpointFolder: string;
  readonly compiledHome: string;
  readonly prompts: Prompts;
  readonly chosenWeights: string;
  readonly graphPath: string;
}

/** Writes the checkpoint and compiles it, so that nothing of it is measured. */
async function prepare(options: BenchOptions, scratch: string): Promise<Run> {
  const { shape, home, weights, onProgress } = options;
  const checkpointFolder = await writeCheckpoint({ home, shape, onProgress });
  const compiledHome = join(home, 'models');
  const model = await loadModel({
    checkpointFolder,
    home: compiledHome,
    // A word that is none is refused with the list of those that there are.
    weights: weights as 'auto',
    onProgress,
  });
  return {
    ...options,
    scratch,
    checkpointFolder,
    compiledHome,
    prompts: await Prompts.of(checkpointFolder, join(scratch, 'images')),
    chosenWeights: model.weights,
    graphPath: model.language.graphPath,
  };
}

async function measureLimits({ graphPath, sizes }: Run): Promise<BenchReport['limits']> {
  const threads = availableParallelism();
  return {
    threads,
    bandwidth: await readBandwidth({ threads, bytes: sizes.readBytes, samples: sizes.pairs }),
    matrixEdge: sizes.matrixEdge,
    matrix: await matrixRate({ threads, edge: sizes.matrixEdge, samples: sizes.pairs }),
    step: await stepBytes(graphPath),
  };
}

function startOurs(run: Run): Promise<OurServices> {
  const { checkpointFolder, shape, compiledHome, weights, scratch, sizes } = run;
  return OurServices.start({
    checkpointFolder,
    modelName: shape.name,
    home: compiledHome,
    weights,
    scratch,
    slots: Math.max(...CLIENTS),
    context: sizes.context,
  });
}

function startEmbedded({ checkpointFolder, compiledHome, weights, sizes }: Run): Promise<Embedded> {
  const slots = Math.max(...CLIENTS);
  return Embedded.start({ checkpointFolder, home: compiledHome, weights, slots, context: sizes.context });
}

type Compared = Pick<BenchReport, 'ours' | 'peers' | 'comparisons' | 'peakMemory'>;

/** What ours, our engine in process and the peers answer in turn. */
async function measureCompared(run: Run): Promise<Compared> {
  const peers = run.peers ? await startPeers({ ...run, textOf: (ids) => run.prompts.textOf(ids) }) : [];
  await using stack = new AsyncDisposableStack();
  for (const peer of peers.flatMap(({ forms }) => forms)) stack.use(peer);
  const same = await checkSameModel(peers, run.prompts, {
    checkpointFolder: run.checkpointFolder,
    home: run.compiledHome,
    slots: 1,
    context: run.sizes.context,
    edge: run.sizes.smallEdge,
  });
  const ours = stack.use(await startOurs(run));
  const comparisons = await compareAll(run, ours, peers);
  const peakMemory = [ours, ...peers.flatMap(({ forms }) => forms)].map((target) => ({
    target: target.name,
    description: target.description,
    bytes: peakOf(target),
  }));
  const embedded = stack.use(await startEmbedded(run));
  comparisons.push(...(await compareSplit(run, ours, embedded)));
  return {
    ours: ours.description,
    peers: peers.map(({ name, forms, skipped }): PeerReport => {
      const isSame = same.find(({ peer }) => peer === name)?.isSame ?? null;
      return { name, forms: forms.map(({ description }) => description), skipped: skipped ?? null, isSame };
    }),
    comparisons,
    peakMemory,
  };
}

async function compareAll(run: Run, ours: OurServices, peers: readonly PeerForms[]): Promise<Comparison[]> {
  const { prompts, sizes, onProgress } = run;
  const targets = [[ours], ...peers.map(({ forms }) => forms)];
  const comparisons: Comparison[] = [];
  const images = [
    {
      id: 'one-tile',
      title: `an image of ${sizes.smallEdge} pixels, one tile`,
      edge: sizes.smallEdge,
      split: false,
    },
    {
      id: 'large-image',
      title: `an image of ${sizes.largeEdge} pixels, split`,
      edge: sizes.largeEdge,
      split: true,
    },
  ];
  for (const { id, title, edge, split } of images.slice(0, sizes.largeImage ? 2 : 1)) {
    onProgress(`Time to first token: ${title}.`);
    const prompt = () => prompts.image(edge, { split });
    comparisons.push(
      await compare({ id, title, figure: 'firstTokenMs', targets, pairs: sizes.pairs, tokens: 2, prompt }),
    );
  }
  for (const context of sizes.contexts) {
    const title = `a context of ${context} tokens`;
    onProgress(`Time between tokens: ${title}.`);
    const prompt = () => prompts.text(context - sizes.answer);
    const about = { id: `context-${context}`, title, figure: 'betweenTokensMs' as const };
    comparisons.push(await compare({ ...about, targets, pairs: sizes.pairs, tokens: sizes.answer, prompt }));
  }
  return comparisons;
}

/** More pairs than elsewhere: the bounds are narrow. */
const SPLIT_FACTOR = 2;

async function compareSplit(run: Run, ours: OurServices, embedded: Embedded): Promise<Comparison[]> {
  const { prompts, sizes, onProgress } = run;
  onProgress('Three processes against one.');
  const shared = { targets: [[ours], [embedded]], pairs: sizes.pairs * SPLIT_FACTOR, tokens: sizes.answer };
  const image = () => prompts.image(sizes.smallEdge, { split: false });
  const title = 'three processes and one, an image of one tile';
  return [
    await compare({ ...shared, id: 'split-first-token', title, figure: 'firstTokenMs', prompt: image }),
    await compare({ ...shared, id: 'split-between-tokens', title, figure: 'betweenTokensMs', prompt: image }),
  ];
}

function peakOf({ pids }: Target): number | null {
  const peaks = pids.map((pid) => processUse(pid)?.peak ?? null);
  return peaks.reduce<number | null>((sum, peak) => (sum === null || peak === null ? null : sum + peak), 0);
}

type Alone = Pick<BenchReport, 'crowd' | 'secondTurn' | 'intruder' | 'resident'>;

/** What our services do alone, with no other process in memory. */
async function measureAlone(run: Run): Promise<Alone> {
  const { prompts, sizes, onProgress } = run;
  await using ours = await startOurs(run);
  // The first, as long as no slot has held anything else.
  onProgress('Memory with every slot in use.');
  const resident = await measureResident(ours, prompts, sizes);
  onProgress('The second turn of a conversation.');
  const secondTurn = await measureSecondTurn(ours, prompts, sizes);
  onProgress(`${CLIENTS.join(', ')} clients at once.`);
  const crowd = await measureCrowd(ours, prompts, sizes);
  onProgress('A long prompt beside a running answer.');
  const intruder = await measureIntruder(ours, prompts, sizes);
  return { crowd, secondTurn, intruder, resident };
}
