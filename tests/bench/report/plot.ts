import type { BenchReport } from '../bench-report.ts';
import { median } from '../statistics.ts';
import { milliseconds } from './format.ts';

/** Colours that stay apart for those who see few of them (Okabe and Ito), and on light as on dark pages. */
const COLOURS: Readonly<Record<string, string>> = {
  diptych: '#0072b2',
  transformers: '#e69f00',
  transformersjs: '#009e73',
};

const WIDTH = 760;
const LABEL = 150;
const VALUE = 90;
const BAR = 16;
const GAP = 6;
const HEAD = 24;

/** Medians of every workload as bars, the shorter the better; each group has a scale of its own. */
export function benchPlot({ comparisons, peers }: BenchReport): string {
  const names = ['diptych', ...peers.filter(({ skipped }) => skipped === null).map(({ name }) => name)];
  const groups = comparisons.filter(({ id }) => !id.startsWith('split-'));
  const height = HEAD + names.length * (BAR + GAP) + GAP;
  const drawn = groups.map((comparison, index) => {
    const bars = names.flatMap((name) => {
      const series = comparison.series.find(({ target }) => target === name);
      if (!series) return [];
      return [{ name, value: median(series.samples.map((sample) => sample[comparison.figure])) }];
    });
    const figure = comparison.figure === 'firstTokenMs' ? 'to first token' : 'between tokens';
    return group(`${comparison.title}: time ${figure}`, bars, index * height);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${groups.length * height}" font-family="sans-serif" font-size="12">`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

interface Bar {
  readonly name: string;
  readonly value: number;
}

function group(title: string, bars: readonly Bar[], top: number): string {
  const longest = Math.max(...bars.map(({ value }) => value));
  const lines = bars.map(({ name, value }, index) => {
    const y = top + HEAD + index * (BAR + GAP);
    const length = Math.max((value / longest) * (WIDTH - LABEL - VALUE), 1);
    const middle = y + BAR - 4;
    return [
      `<text x="${LABEL - 8}" y="${middle}" text-anchor="end" fill="#767676">${escape(name)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${COLOURS[name] ?? '#767676'}"/>`,
      `<text x="${(LABEL + length + 6).toFixed(1)}" y="${middle}" fill="#767676">${milliseconds(value)}</text>`,
    ].join('\n');
  });
  return [
    `<text x="0" y="${top + HEAD - 8}" fill="#767676" font-weight="bold">${escape(title)}</text>`,
    ...lines,
  ].join('\n');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
