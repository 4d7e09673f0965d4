import { createHash } from 'node:crypto';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import type { PlacedWeight } from './layout.ts';

/** One line: an output's name tells which weight is on the disk, the checksum what must be there. */
interface Entry {
  readonly name: string;
  readonly checksum: number;
}

/**
 * Which weights of a data file are finished, as lines beside it, so that an interrupted save goes on where it was
 * stopped. Its first line is a hash of the layout: a journal of any other graph does not count.
 */
export class Journal {
  readonly #path: string;
  readonly #layout: string;

  constructor(path: string, weights: readonly PlacedWeight[]) {
    this.#path = path;
    this.#layout = layoutHash(weights);
  }

  /** Checksums of the weights that are said to be finished, by name; undefined where there is no such journal. */
  async read(): Promise<ReadonlyMap<string, number> | undefined> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    const [layout, ...lines] = text.split('\n');
    if (layout !== this.#layout) return undefined;
    return new Map(lines.flatMap((line) => parse(line)).map(({ name, checksum }) => [name, checksum]));
  }

  /** Begins an empty journal. */
  async begin(): Promise<void> {
    await writeFile(this.#path, `${this.#layout}\n`);
  }

  /** Adds weights whose bytes are on the disk. */
  async add(entries: readonly Entry[]): Promise<void> {
    await appendFile(this.#path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }

  /** Removes the journal of a save that is complete. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** The last line may be half written. */
function parse(line: string): readonly Entry[] {
  try {
    const { name, checksum } = JSON.parse(line) as Partial<Entry>;
    return typeof name === 'string' && typeof checksum === 'number' ? [{ name, checksum }] : [];
  } catch {
    return [];
  }
}

/** Everything that decides the data file, except the bytes of the checkpoint: those are its owner's to identify. */
function layoutHash(weights: readonly PlacedWeight[]): string {
  const described = weights.map(({ origin, outputs }) => [outputs, ...describeOrigin(origin)]);
  return createHash('sha256').update(JSON.stringify(described)).digest('hex');
}

function describeOrigin(origin: PlacedWeight['origin']): readonly unknown[] {
  if (origin.kind === 'computed') return [];
  const { parts } = origin.source;
  return [
    origin.encoding,
    parts.map(({ tensor, offset, dtype, elements }) => [tensor, offset, dtype, elements]),
  ];
}
