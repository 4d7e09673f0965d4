import type { BenchReport } from '../bench-report.ts';
import { LINE_RULES, type Line } from '../lines.ts';
import { decodeBandwidth, neededBytes, readingMs } from '../lines-of.ts';
import type { SameAnswers } from '../peers/same-model.ts';
import { median, medianRatio, percentile } from '../statistics.ts';
import { type Comparison, valuesOf } from '../workloads/compare.ts';
import { loopDelayP99s } from '../workloads/crowd.ts';
import { bytes, gigabytes, machineLine, milliseconds, table } from './format.ts';

/** A run as Markdown: the machine, the lines, and what they were worked out from. */
export function benchTable(report: BenchReport): string {
  return [
    machineLine(report.machine),
    aboutRun(report),
    '## Lines',
    linesTable(report.lines),
    '## Beside the peers',
    ...peerNotes(report),
    comparedTable(report),
    memoryTable(report),
    '## Clients at once',
    crowdTable(report),
    '## Beside the limits',
    limitsText(report),
    stepTable(report),
    prefillTable(report),
    '## What else the lines are made of',
    detailsText(report),
    '',
  ].join('\n\n');
}

function aboutRun({ shape, weights, ours, seconds, finished, sizes }: BenchReport): string {
  const chosen =
    weights.asked === weights.chosen ? weights.chosen : `${weights.asked}, which chose ${weights.chosen}`;
  return (
    `Shape ${shape} with random weights. Ours: ${ours} (weights: ${chosen}). ` +
    `${sizes.pairs} pairs of each workload, medians; ${Math.round(seconds)} s, finished ${finished}.`
  );
}

/** The lines and their bounds. */
export function linesTable(lines: readonly Line[]): string {
  const rows = lines.map(({ id, value, holds, reason }) => {
    const { figure, bound, sense } = LINE_RULES[id];
    const verdict = value === null ? `not measured: ${reason ?? ''}` : holds ? 'holds' : '**does not hold**';
    return [`\`${id}\``, figure, value === null ? '-' : value.toFixed(2), `${sense} ${bound}`, verdict];
  });
  return table(['id', 'figure', 'value', 'bound', ''], rows);
}

function peerNotes({ peers }: BenchReport): string[] {
  if (peers.length === 0) return ['Peers were not measured.'];
  return peers.map(({ name, skipped, forms, same }) => {
    if (skipped !== null) return `${name} was not measured: ${skipped}.`;
    const best = `${name}: best of ${forms.join(' and ')}.`;
    return same ? `${best} ${sameText(same)}` : best;
  });
}

function sameText({ text, image }: SameAnswers): string {
  if (text && image) return 'In float32 it gives the same greedy tokens as ours, to a text and to an image.';
  if (!text) return '**In float32 it gives other greedy tokens than ours.**';
  return 'In float32 it gives the same greedy tokens as ours to a text; it prepares images in another way, and they differ.';
}

const FIGURES = { firstTokenMs: 'to first token', betweenTokensMs: 'between tokens' } as const;

function comparedTable({ comparisons, peers }: BenchReport): string {
  const others = peers.filter(({ skipped }) => skipped === null).map(({ name }) => name);
  const rows = comparisons
    .filter(({ id }) => !id.startsWith('split-'))
    .flatMap((comparison) => comparedRows(comparison, others));
  return table(
    ['workload', 'figure', 'ours', ...others.flatMap((name) => [name, 'form', 'theirs / ours'])],
    rows,
  );
}

function comparedRows(comparison: Comparison, others: readonly string[]): string[][] {
  const ours = valuesOf(comparison, 'diptych');
  if (!ours) return [];
  const cells = others.map((name) => ({ name, theirs: valuesOf(comparison, name) }));
  const row = (figure: string, show: (ms: number) => string) => [
    comparison.title,
    figure,
    show(median(ours)),
    ...cells.flatMap(({ name, theirs }) =>
      theirs
        ? [show(median(theirs)), formOf(comparison, name), `${medianRatio(theirs, ours).toFixed(2)} x`]
        : ['-', '-', '-'],
    ),
  ];
  const rate = (ms: number) => (1000 / ms).toFixed(1);
  const rows = [row(FIGURES[comparison.figure], milliseconds)];
  if (comparison.figure === 'betweenTokensMs') rows.push(row('tokens per second', rate));
  return rows;
}

/** The last word of a form's description: its precision. */
function formOf({ series }: Comparison, name: string): string {
  return (
    series
      .find(({ target }) => target === name)
      ?.description.split(' ')
      .at(-1) ?? ''
  );
}

function memoryTable({ peakMemory }: BenchReport): string {
  const ours = peakMemory.find(({ target }) => target === 'diptych')?.bytes ?? null;
  const rows = peakMemory.map(({ target, description, bytes: peak }) => {
    const against =
      ours !== null && peak !== null && target !== 'diptych' ? `${(peak / ours).toFixed(2)} x` : '';
    return [target, description, gigabytes(peak), against];
  });
  return table(['peak memory of all processes', '', '', 'theirs / ours'], rows);
}

function crowdTable({ crowd }: BenchReport): string {
  const [one] = crowd.tokensPerSecond;
  const rows = crowd.tokensPerSecond.map(({ clients, samples }) => [
    String(clients),
    median(samples).toFixed(0),
    one ? `${medianRatio(samples, one.samples).toFixed(2)} x` : '',
  ]);
  return table(['clients', 'tokens per second', 'against one'], rows);
}

function limitsText({ limits }: BenchReport): string {
  const rate = (values: readonly number[]) => `${(median(values) / 1e9).toFixed(0)} GFLOP/s`;
  return (
    `${limits.threads} threads read ${(median(limits.bandwidth) / 1e9).toFixed(1)} GB/s from memory; one product of ` +
    `${limits.matrixEdge} x ${limits.matrixEdge} matrices runs at ${rate(limits.matrix.float32)} in float32 and ${rate(limits.matrix.int8)} in int8. ` +
    `A decode step reads ${bytes(limits.step.weights)} of weights, and ${bytes(limits.step.cacheRow)} of keys and ` +
    'values for each token of context.'
  );
}

function stepTable(report: BenchReport): string {
  const rows = report.sizes.contexts.flatMap((context) => {
    const share = decodeBandwidth(report, context);
    if (typeof share !== 'number') return [];
    const reading = readingMs(report, context);
    return [[String(context), milliseconds(reading), milliseconds(reading / share), share.toFixed(2)]];
  });
  return table(['context', 'reading alone', 'our step', 'share'], rows);
}

/** The products of a prompt's layers at the rate of one large product, beside the time to its first token. */
function prefillTable({ comparisons, limits, sizes, weights }: BenchReport): string {
  const rate = median(limits.matrix[weights.chosen.startsWith('float') ? 'float32' : 'int8']);
  const rows = sizes.contexts.flatMap((context) => {
    const comparison = comparisons.find(({ id }) => id === `context-${context}`);
    const ours = comparison && valuesOf(comparison, 'diptych', 'firstTokenMs');
    if (!ours) return [];
    const tokens = context - sizes.answer;
    const products = ((2 * limits.layerElements * tokens) / rate) * 1000;
    const share = (products / median(ours)).toFixed(2);
    return [[String(tokens), milliseconds(products), milliseconds(median(ours)), share]];
  });
  return table(['prompt', 'multiplying alone', 'our first token', 'share'], rows);
}

function detailsText(report: BenchReport): string {
  const { intruder, secondTurn, resident, comparisons } = report;
  const turn = (of: (sample: (typeof secondTurn)[number]) => number) =>
    milliseconds(median(secondTurn.map(of)));
  return [
    `- Conversation about one image: first turn ${turn(({ firstMs }) => firstMs)} to the first token, second ${turn(({ secondMs }) => secondMs)}.`,
    `- Between tokens of a running answer: ${milliseconds(median(intruder.undisturbed))} undisturbed; while a long ` +
      `prompt is prefilled (${milliseconds(median(intruder.prefills))}) ${milliseconds(median(intruder.disturbed))} in ` +
      `the median, p99 ${milliseconds(percentile(intruder.disturbed, 0.99))} of ${intruder.disturbed.length}.`,
    ...comparisons.filter(({ id }) => id.startsWith('split-')).map(splitText),
    `- lm-service with ${resident.slots} slots of ${resident.tokens} tokens: ${gigabytes(resident.residentBytes)} resident ` +
      `(${gigabytes(resident.emptyBytes)} before); weights and cache in use are ${gigabytes(neededBytes(report))}.`,
    `- Event loops held up (p99, ${report.crowd.tokensPerSecond.at(-1)?.clients ?? 0} clients): ${loopText(report)}.`,
  ].join('\n');
}

function splitText(comparison: Comparison): string {
  const [ours, inside] = ['diptych', 'embedded'].map((name) => median(valuesOf(comparison, name) ?? [NaN]));
  return `- ${FIGURES[comparison.figure]}: three processes ${milliseconds(ours ?? NaN)}, in process ${milliseconds(inside ?? NaN)}.`;
}

function loopText({ crowd }: BenchReport): string {
  return Object.entries(loopDelayP99s(crowd))
    .map(([service, p99]) => `${service} ${milliseconds(p99)}`)
    .join(', ');
}
