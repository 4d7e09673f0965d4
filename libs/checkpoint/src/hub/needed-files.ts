import { DiptychError } from '@diptych/errors';
import { INDEX_FILE, SINGLE_FILE, WEIGHT_INDEX } from '../checkpoint-weights.ts';
import { parseConfig } from '../parse-config.ts';

/** What of a repository is downloaded. All names are of files at its top; none can lead out of a folder. */
export interface NeededFiles {
  /** Configuration, tokenizer, chat template, and the index of the weights where they are sharded. */
  readonly small: readonly string[];
  /** How the weights are stored. */
  readonly weights: 'single' | 'sharded';
}

/** Without these no checkpoint can be served: the reason is told where one lacks. */
const REQUIRED = {
  'config.json': 'so it is no checkpoint',
  'tokenizer.json':
    'which Diptych reads prompts with; one can be written with transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...)',
} as const;

/** Files of other kinds of tokenizer, that a checkpoint may hold besides tokenizer.json. */
const TOKENIZER_FILES = ['tokenizer.model', 'spiece.model', 'merges.txt', 'vocab.txt'];

/** A plain name: no folder, not hidden, nothing that a shell or a file system could take for something else. */
const PLAIN_NAME = /^\w[\w.-]*$/;

/**
 * Chooses from the names that a hub lists, which are not to be trusted.
 *
 * @throws DiptychError `checkpoint_file_missing` for a repository without config.json, tokenizer.json or safetensors
 *   weights, naming what it has instead.
 */
export function chooseFiles(repository: string, listed: readonly string[]): NeededFiles {
  const names = listed.filter((name) => PLAIN_NAME.test(name));
  for (const [file, reason] of Object.entries(REQUIRED))
    if (!names.includes(file)) throw missing(file, `${repository} has no ${file}, ${reason}.`);
  const weights = weightsOf(names);
  if (!weights) throw missing(SINGLE_FILE, noSafetensors(repository, listed));
  const skipped = weights === 'single' ? [INDEX_FILE] : [];
  return { small: names.filter((name) => isSmallFile(name) && !skipped.includes(name)).sort(), weights };
}

/**
 * The files that a sharded checkpoint's index names.
 *
 * @throws DiptychError `checkpoint_invalid` for an index of another shape or one that leads out of its folder.
 */
export function shardsOf(index: unknown): readonly string[] {
  const { weight_map: map } = parseConfig(INDEX_FILE, WEIGHT_INDEX, index);
  return [...new Set(Object.values(map))].sort();
}

/** The order of preference is that of transformers: one file, then shards. */
function weightsOf(names: readonly string[]): NeededFiles['weights'] | undefined {
  if (names.includes(SINGLE_FILE)) return 'single';
  return names.includes(INDEX_FILE) ? 'sharded' : undefined;
}

function isSmallFile(name: string): boolean {
  if (TOKENIZER_FILES.includes(name) || name.startsWith('chat_template.')) return true;
  // Indexes of weights in other formats are json too, and of no use without them.
  return name.endsWith('.json') && (name === INDEX_FILE || !name.endsWith('.index.json'));
}

/** Most files that the message about missing weights names. */
const MAX_NAMED = 6;

const WEIGHT_FILE = /\.(safetensors|bin|pth|pt|gguf|onnx|msgpack|h5|npz|ckpt)$/;

function noSafetensors(repository: string, listed: readonly string[]): string {
  const others = listed.filter((name) => WEIGHT_FILE.test(name)).map(printable);
  const more = others.length > MAX_NAMED ? ` and ${others.length - MAX_NAMED} more` : '';
  const found = others.length === 0 ? 'no weights at all' : `${others.slice(0, MAX_NAMED).join(', ')}${more}`;
  return `${repository} has neither ${SINGLE_FILE} nor ${INDEX_FILE}, and Diptych reads weights from those only; it has ${found}.`;
}

function printable(name: string): string {
  return PLAIN_NAME.test(name) ? name : JSON.stringify(name);
}

function missing(file: string, message: string): DiptychError {
  return new DiptychError('checkpoint_file_missing', message, { param: file });
}
