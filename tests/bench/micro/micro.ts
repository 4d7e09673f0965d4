/**
 * Measures the small pieces of work that every request is made of, and prints a Markdown table or one JSON object a
 * line. Names, or their beginnings, choose cases:
 *
 *     npm run --silent bench:micro -- sampler/greedy tokenizer
 */
import { parseArgs } from 'node:util';
import { PICO } from '@diptych/testing';
import { CASES } from './cases/all.ts';
import { chooseCases, type MicroResult, runCase } from './run-cases.ts';

const HELP = `bench:micro [NAME...] [flags]

  NAME                case, or the beginning of its name: ${[...new Set(CASES.map(({ name }) => name.split('/')[0]))].join(', ')}
  --checkpoint FOLDER checkpoint whose tokeniser is measured (default: the bundled model)
  --ms N              milliseconds to measure each case for (default: 500)
  --json              print one JSON object a line instead of a Markdown table
`;

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    checkpoint: { type: 'string', default: PICO },
    ms: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  const measureMs = Number(flags.ms);
  const effort = { warmUpMs: measureMs / 2, measureMs, minSamples: 5 };
  if (!flags.json) process.stdout.write('| case | median | p10 | p90 | samples |\n|---|--:|--:|--:|--:|\n');
  for (const micro of chooseCases(CASES, names)) {
    const result = await runCase(micro, { ...effort, checkpoint: flags.checkpoint });
    process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : row(result));
  }
}

function row({ name, median, p10, p90, samples }: MicroResult): string {
  return `| ${name} | ${[median, p10, p90].map(readable).join(' | ')} | ${samples} |\n`;
}

function readable(microseconds: number): string {
  return microseconds < 1000
    ? `${microseconds.toPrecision(3)} µs`
    : `${(microseconds / 1000).toPrecision(3)} ms`;
}
