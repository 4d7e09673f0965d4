import type { BenchReport, PeerReport } from './bench-report.ts';
import { type BenchRun, startEmbedded, startOurs } from './bench-run.ts';
import { checkSameModel } from './peers/same-model.ts';
import { type PeerForms, startPeers } from './peers/start-peers.ts';
import { processUse } from './process-use.ts';
import type { Embedded } from './targets/embedded.ts';
import type { OurServices } from './targets/services.ts';
import type { Target } from './targets/target.ts';
import { type Comparison, chosenForms, compare } from './workloads/compare.ts';

/** What ours and others answer in turn. */
export type Compared = Pick<BenchReport, 'ours' | 'peers' | 'comparisons' | 'peakMemory'>;

/** Measures ours beside the peers, then beside our engine in process. */
export async function measureCompared(run: BenchRun): Promise<Compared> {
  const peers = run.peers ? await startPeers({ ...run, textOf: (ids) => run.prompts.textOf(ids) }) : [];
  const forms = peers.flatMap((peer) => peer.forms);
  await using stack = new AsyncDisposableStack();
  for (const form of forms) stack.use(form);
  const reports = await reportPeers(run, peers);
  const ours = stack.use(await startOurs(run));
  const targets = [[ours], ...peers.map((peer) => peer.forms)];
  const comparisons = [...(await compareImages(run, targets)), ...(await compareContexts(run, targets))];
  const peakMemory = [ours, ...forms].map((target) => ({
    target: target.name,
    description: target.description,
    bytes: peakOf(target),
  }));
  // Those that have answered would take memory from what follows.
  await Promise.all(forms.map((form) => form[Symbol.asyncDispose]()));
  const embedded = stack.use(await startEmbedded(run));
  const split = await compareSplit(run, ours, embedded);
  return { ours: ours.description, peers: reports, comparisons: [...comparisons, ...split], peakMemory };
}

async function reportPeers(run: BenchRun, peers: readonly PeerForms[]): Promise<PeerReport[]> {
  if (peers.some(({ forms }) => forms.length > 0)) run.onProgress('Whether peers and ours answer alike.');
  const { prompts, checkpointFolder, compiledHome, sizes } = run;
  const same = await checkSameModel(peers, prompts, {
    checkpointFolder,
    home: compiledHome,
    slots: 1,
    context: sizes.context,
    edge: sizes.smallEdge,
  });
  return peers.map(({ name, forms, skipped }) => ({
    name,
    forms: forms.map(({ description }) => description),
    skipped: skipped ?? null,
    same: same.get(name) ?? null,
  }));
}

type Targets = readonly (readonly Target[])[];

async function compareImages(
  { prompts, sizes, onProgress }: BenchRun,
  targets: Targets,
): Promise<Comparison[]> {
  const shared = { figure: 'firstTokenMs', pairs: sizes.pairs, tokens: 2 } as const;
  const { smallEdge, largeEdge } = sizes;
  const title = `an image of ${smallEdge} pixels, one tile`;
  onProgress(`To the first token: ${title}.`);
  const small = await compare({
    ...shared,
    id: 'one-tile',
    title,
    targets,
    prompt: () => prompts.image(smallEdge, { split: false }),
  });
  if (!sizes.largeImage) return [small];
  const largeTitle = `an image of ${largeEdge} pixels, split`;
  onProgress(`To the first token: ${largeTitle}.`);
  // The form that encodes one tile faster encodes many faster, and trying takes a minute.
  const large = await compare({
    ...shared,
    id: 'large-image',
    title: largeTitle,
    targets: chosenForms(targets, small),
    prompt: () => prompts.image(largeEdge, { split: true }),
  });
  return [small, large];
}

async function compareContexts(
  { prompts, sizes, onProgress }: BenchRun,
  targets: Targets,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const context of sizes.contexts) {
    const title = `a context of ${context} tokens`;
    onProgress(`Between tokens: ${title}.`);
    const comparison = await compare({
      id: `context-${context}`,
      title,
      figure: 'betweenTokensMs',
      targets,
      pairs: sizes.pairs,
      tokens: sizes.answer,
      prompt: () => prompts.text(context - sizes.answer),
    });
    comparisons.push(comparison);
  }
  return comparisons;
}

/** More pairs than elsewhere: the bounds are narrow. */
const SPLIT_FACTOR = 2;

async function compareSplit(run: BenchRun, ours: OurServices, embedded: Embedded): Promise<Comparison[]> {
  const { prompts, sizes, onProgress } = run;
  onProgress('Three processes against one.');
  const shared = {
    title: 'three processes and one, an image of one tile',
    targets: [[ours], [embedded]],
    pairs: sizes.pairs * SPLIT_FACTOR,
    tokens: sizes.answer,
    prompt: () => prompts.image(sizes.smallEdge, { split: false }),
  };
  return [
    await compare({ ...shared, id: 'split-first-token', figure: 'firstTokenMs' }),
    await compare({ ...shared, id: 'split-between-tokens', figure: 'betweenTokensMs' }),
  ];
}

function peakOf({ pids }: Target): number | null {
  const peaks = pids.map((pid) => processUse(pid)?.peak ?? null);
  return peaks.reduce<number | null>((sum, peak) => (sum === null || peak === null ? null : sum + peak), 0);
}
