import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultHome } from '@diptych/checkpoint';
import type { Shape } from './shapes/shape.ts';
import { findShape } from './shapes.ts';
import { FULL, QUICK, type Sizes, TINY_SIZES } from './workloads/sizes.ts';

/** What the command line asked for. */
export type BenchFlags =
  | { readonly kind: 'help' }
  | { readonly kind: 'install'; readonly home: string }
  | {
      readonly kind: 'run';
      readonly home: string;
      readonly shape: Shape;
      readonly sizes: Sizes;
      readonly weights: string;
      readonly peers: boolean;
      /** Whether it is a look in between, which is held against the last run and does not take its place. */
      readonly quick: boolean;
      readonly json: boolean;
      readonly write: boolean;
    };

/** What `--help` prints. */
export const BENCH_HELP = `bench [flags]

  --quick           ours alone, two minutes, beside the last stored run
  --json            print one JSON object: lines, raw samples, machine
  --write           write docs/benchmarks.md and its plot from this run
  --peers           install the peers into a folder of their own, and end
  --weights FORMAT  weight format of our services (default: auto)
  --pairs N         measurements of each workload (default: 5, quick 3)
  --shape NAME      smolvlm-256m (default), or tiny to try the benchmark itself
  --home FOLDER     the benchmark's files (default: bench in DIPTYCH_HOME)
`;

/** Reads the command line. Throws an error that names the flag. */
export function readBenchFlags(args: readonly string[], home = join(defaultHome(), 'bench')): BenchFlags {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      weights: { type: 'string', default: 'auto' },
      pairs: { type: 'string' },
      shape: { type: 'string', default: 'smolvlm-256m' },
      home: { type: 'string', default: home },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (flags.help) return { kind: 'help' };
  if (flags.peers) return { kind: 'install', home: flags.home };
  if (flags.quick && flags.write) throw new Error('--write needs a whole run: leave --quick out');
  const { quick, json, write, weights } = flags;
  const sizes = sizesOf(flags.shape, quick, flags.pairs);
  const shape = findShape(flags.shape);
  return { kind: 'run', home: flags.home, shape, sizes, weights, quick, json, write, peers: !quick };
}

function sizesOf(shape: string, quick: boolean, pairs: string | undefined): Sizes {
  const sizes = shape === 'tiny' ? TINY_SIZES : quick ? QUICK : FULL;
  if (pairs === undefined) return sizes;
  if (!/^[1-9]\d?$/.test(pairs))
    throw new Error(`--pairs must be a whole number from 1 to 99, got "${pairs}"`);
  return { ...sizes, pairs: Number(pairs) };
}
