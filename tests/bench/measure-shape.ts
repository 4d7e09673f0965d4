/**
 * Measures a published model's shape with random weights through the three services, and prints a Markdown table or
 * one JSON object:
 *
 *     npm run --silent bench:shapes -- --shape smolvlm-256m --weights int8
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultHome } from '@diptych/checkpoint';
import { measureShape } from './measure.ts';
import { toMarkdown } from './shape-report.ts';
import { findShape, SHAPES, truncateLayers } from './shapes.ts';

const HELP = `bench:shapes --shape NAME [flags]

  --shape NAME      ${SHAPES.map(({ name }) => name).join(', ')}
  --weights FORMAT  weight format to compile to (default: float32)
  --tokens N        length of each answer (default: 64)
  --layers N        keep only the first N layers of tower and decoder, for a quick trial
  --reuse           use what an earlier run compiled; measures no compile
  --home FOLDER     checkpoints and compiled models (default: bench in DIPTYCH_HOME)
  --json            print one JSON object instead of a Markdown table
`;

const { values: flags } = parseArgs({
  options: {
    shape: { type: 'string' },
    weights: { type: 'string', default: 'float32' },
    tokens: { type: 'string', default: '64' },
    layers: { type: 'string' },
    reuse: { type: 'boolean', default: false },
    home: { type: 'string', default: join(defaultHome(), 'bench') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

// A process that a signal ends by itself leaves the services behind; one that exits stops them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

if (flags.help || flags.shape === undefined) {
  process.stdout.write(HELP);
  process.exitCode = flags.help ? 0 : 2;
} else {
  await run(flags.shape);
}

async function run(name: string): Promise<void> {
  const whole = findShape(name);
  const report = await measureShape({
    shape: flags.layers === undefined ? whole : truncateLayers(whole, count('layers', flags.layers)),
    weights: flags.weights,
    tokens: count('tokens', flags.tokens),
    home: flags.home,
    reuse: flags.reuse,
    onProgress: (message) => process.stderr.write(`${message}\n`),
  });
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : toMarkdown(report));
}

function count(flag: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`--${flag} must be a whole number from 1, got "${text}"`);
}
