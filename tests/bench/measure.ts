import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ServiceName, type Services, startServices } from '@diptych/cli';
import { holdConversation } from './conversation.ts';
import { thisMachine } from './machine.ts';
import { type ProcessUse, processUse } from './process-use.ts';
import { ServiceLog } from './service-log.ts';
import type { MeasuredTurn, PerService, ShapeReport } from './shape-report.ts';
import type { Shape } from './shapes.ts';
import { countParameters, tensorList } from './tensor-list.ts';
import { writeCheckpoint } from './write-checkpoint.ts';
import { bytesOf } from './write-shards.ts';

/** What to measure. */
export interface MeasureOptions {
  readonly shape: Shape;
  /** Value of `--weights`. */
  readonly weights: string;
  /** Length of each answer. */
  readonly tokens: number;
  /** Folder of the bench's files: checkpoints and compiled models. */
  readonly home: string;
  /** Uses what an earlier run compiled, and measures no compile. */
  readonly reuse?: boolean;
  readonly onProgress?: (message: string) => void;
}

/** Longer than any answer takes on a slow machine: what is measured is not to be cut off. */
const REQUEST_TIMEOUT_MS = 6 * 60 * 60 * 1000;

const ANY_PORT = '127.0.0.1:0';

const SERVICES = ['vision-service', 'lm-service', 'gateway'] as const satisfies readonly ServiceName[];

/**
 * Measures one shape in one weight format the way a user meets it: three services as three processes, started once
 * to compile and once more to load, then the reference conversation over REST.
 */
export async function measureShape(options: MeasureOptions): Promise<ShapeReport> {
  const { shape, weights } = options;
  const checkpoint = await writeCheckpoint(options);
  // Each format has a home of its own, so that removing one run's result never touches another's.
  const home = join(options.home, 'compiled-by', shape.name, weights);
  if (!options.reuse) await rm(home, { recursive: true, force: true });
  const run = { ...options, checkpoint, home };
  const compile = options.reuse ? null : await measureCompile(run);
  const rest = await measureLoadAndAnswers(run);
  const tensors = tensorList(shape);
  const compiled = await inspectCompiled(home, weights);
  return {
    shape: shape.name,
    repository: shape.repository,
    weights: compiled.weights,
    parameters: countParameters(tensors),
    checkpointBytes: bytesOf(tensors),
    compile,
    compiledBytes: compiled.bytes,
    ...rest,
    machine: thisMachine(),
  };
}

interface Run extends MeasureOptions {
  readonly checkpoint: string;
  readonly home: string;
}

async function measureCompile(run: Run): Promise<ShapeReport['compile']> {
  run.onProgress?.('First start: compiling.');
  const log = new ServiceLog();
  const services = await start(run, log);
  const readySeconds = log.seconds();
  const entries = [...log.entries];
  await services.stop();
  return { readySeconds, services: perService((name) => log.compiling(name)), log: entries };
}

async function measureLoadAndAnswers(run: Run): Promise<Pick<ShapeReport, 'load' | 'turns' | 'use'>> {
  run.onProgress?.('Second start: loading.');
  const log = new ServiceLog();
  await using services = await start(run, log);
  const load = {
    readySeconds: log.seconds(),
    servingSeconds: perService((name) => log.servingAt(name)),
    use: useOf(services),
    log: [...log.entries],
  };
  run.onProgress?.('Asking.');
  const turns: MeasuredTurn[] = [];
  let before = load.use;
  for await (const turn of holdConversation(services.url, run.shape.name, run.tokens)) {
    const after = useOf(services);
    turns.push({ ...turn, cpuSeconds: perService((name) => spent(before[name], after[name])) });
    before = after;
  }
  return { load, turns, use: before };
}

function start({ checkpoint, home, weights, onProgress }: Run, log: ServiceLog): Promise<Services> {
  return startServices({
    model: checkpoint,
    weights,
    listen: ANY_PORT,
    grpcListen: ANY_PORT,
    visionListen: ANY_PORT,
    languageListen: ANY_PORT,
    env: {
      ...process.env,
      DIPTYCH_HOME: home,
      DIPTYCH_REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
    },
    onLine: (service, line) => {
      const { message, isProgress } = log.add(service, line);
      if (isProgress) onProgress?.(`${service}: ${message}`);
    },
  });
}

function spent(before: ProcessUse | null, after: ProcessUse | null): number | null {
  return before && after && after.cpuSeconds - before.cpuSeconds;
}

function useOf({ processes }: Services): PerService<ProcessUse | null> {
  return perService((name) => processUse(processes[name].pid));
}

function perService<T>(of: (name: ServiceName) => T): PerService<T> {
  return Object.fromEntries(SERVICES.map((name) => [name, of(name)])) as PerService<T>;
}

interface CompiledModel {
  /** The weight format, also where `auto` was asked for. */
  readonly weights: string;
  readonly bytes: ShapeReport['compiledBytes'];
}

/** What a run has compiled. Throws where it is not of the format that was asked for. */
async function inspectCompiled(home: string, weights: string): Promise<CompiledModel> {
  const folder = join(home, 'compiled');
  const [vision, language] = [await findStage(folder, 'vision'), await findStage(folder, 'language')];
  // The vision stage may be in a finer format; the language stage's is the model's.
  if (weights !== 'auto' && language.weights !== weights)
    throw new Error(`${language.path} should have ${weights} weights: is that format known?`);
  return {
    weights: language.weights,
    bytes: { vision: await folderBytes(vision.path), language: await folderBytes(language.path) },
  };
}

/** A stage's compiled folder, `FINGERPRINT-STAGE-FORMAT-VERSION`: the only one in a home of its own. */
async function findStage(folder: string, stage: string): Promise<{ path: string; weights: string }> {
  const compiled = (await readdir(folder))
    .map((name) => ({ name, parts: name.split('-') }))
    .filter(({ name, parts }) => parts.length === 4 && parts[1] === stage && !name.includes('.'));
  const [only, ...others] = compiled;
  if (!only || others.length > 0) throw new Error(`${folder} should hold one compiled ${stage} stage`);
  return { path: join(folder, only.name), weights: only.parts[2] ?? '' };
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(({ parentPath, name }) => stat(join(parentPath, name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
