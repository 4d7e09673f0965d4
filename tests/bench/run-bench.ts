import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchReport } from './bench-report.ts';
import { type BenchOptions, type BenchRun, prepareRun, startOurs } from './bench-run.ts';
import { matrixRate } from './limits/matrix-rate.ts';
import { readBandwidth } from './limits/read-bandwidth.ts';
import { stepBytes } from './limits/step-bytes.ts';
import { linesOf } from './lines-of.ts';
import { thisMachine } from './machine.ts';
import { measureCompared } from './measure-compared.ts';
import { countParameters, tensorList } from './tensor-list.ts';
import { measureCrowd } from './workloads/crowd.ts';
import { measureIntruder } from './workloads/intruder.ts';
import { measureResident } from './workloads/resident.ts';
import { measureSecondTurn } from './workloads/second-turn.ts';
import { CLIENTS } from './workloads/sizes.ts';

/** Runs the benchmark: the machine's limits, what is compared with others, then what our services do alone. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  const onProgress = (message: string) =>
    options.onProgress(`${seconds().toFixed(0).padStart(4)} s  ${message}`);
  const scratch = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
  try {
    const run = await prepareRun({ ...options, onProgress }, scratch);
    const limits = await measureLimits(run);
    const compared = await measureCompared(run);
    const alone = await measureAlone(run);
    const measured = { ...compared, ...alone, limits, sizes: options.sizes };
    return {
      shape: options.shape.name,
      machine: thisMachine(),
      finished: new Date().toISOString(),
      seconds: seconds(),
      weights: { asked: options.weights, chosen: run.chosenWeights },
      ...measured,
      lines: linesOf(measured),
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function measureLimits({
  shape,
  graphPath,
  sizes,
  onProgress,
}: BenchRun): Promise<BenchReport['limits']> {
  onProgress('Limits: reading memory, multiplying matrices.');
  const [threads, samples] = [availableParallelism(), sizes.pairs];
  return {
    threads,
    bandwidth: await readBandwidth({ threads, bytes: sizes.readBytes, samples }),
    matrixEdge: sizes.matrixEdge,
    matrix: await matrixRate({ threads, edge: sizes.matrixEdge, samples }),
    step: await stepBytes(graphPath),
    layerElements: countParameters(tensorList(shape).filter(({ name }) => LAYERS.test(name))),
  };
}

/** Weights that every token of a prompt is multiplied with. */
const LAYERS = /^model\.text_model\.layers\./;

type Alone = Pick<BenchReport, 'crowd' | 'secondTurn' | 'intruder' | 'resident'>;

/** What our services do alone, with no other process in memory. */
async function measureAlone(run: BenchRun): Promise<Alone> {
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
