import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import { address, bytes, choice, flag, folder, integer } from './kinds.ts';
import { parseSettings } from './parse-settings.ts';

const DEFINITION = {
  program: 'looker',
  summary: 'Looks at things.',
  settings: {
    model: folder('Checkpoint to serve.', { required: true }),
    home: folder('Where compiled models are kept.'),
    listen: address('Address to listen on.', { fallback: '127.0.0.1:50051' }),
    threads: integer('Threads of one run.', { min: 1, max: 64, fallback: 2 }),
    cacheBytes: bytes('Size of the cache.', { fallback: 1024 }),
    weights: choice('Weight format.', { words: ['float32', 'int8'], fallback: 'float32' }),
    json: flag('Prints JSON.'),
  },
} as const;

function read(argv: string[], env: Record<string, string> = {}) {
  const parsed = parseSettings(DEFINITION, argv, env);
  assert.ok(parsed.help === undefined);
  return parsed.settings;
}

function refusal(argv: string[], env: Record<string, string> = {}): DiptychError {
  try {
    parseSettings(DEFINITION, argv, env);
  } catch (error) {
    assert.ok(error instanceof DiptychError);
    assert.equal(error.code, 'configuration_invalid');
    return error;
  }
  return assert.fail('was accepted');
}

test('flags win over the environment, which wins over defaults', () => {
  const settings = read(['--model', 'a', '--threads=3'], {
    DIPTYCH_THREADS: '4',
    DIPTYCH_CACHE_BYTES: '2MiB',
  });
  assert.deepEqual(settings, {
    model: 'a',
    home: undefined,
    listen: '127.0.0.1:50051',
    threads: 3,
    cacheBytes: 2 * 1024 * 1024,
    weights: 'float32',
    json: false,
  });
});

test('a switch takes no value, and can be switched off', () => {
  assert.equal(read(['--json', '--model', 'a']).json, true);
  assert.equal(read(['--no-json', '--model', 'a'], { DIPTYCH_JSON: '1' }).json, false);
});

test('an unknown flag is named together with what exists', () => {
  const error = refusal(['--model', 'a', '--treads', '3']);
  assert.match(error.message, /no flag --treads; there are --model, --home, .*--threads/);
  assert.equal(error.param, '--treads');
});

const WRONG: [string, string[], RegExp][] = [
  ['a required setting that is absent', [], /--model \(or DIPTYCH_MODEL\) must be given/],
  ['a flag without its value', ['--model'], /--model needs a value/],
  ['a flag that swallows the next flag', ['--model', '--json'], /--model needs a value/],
  ['an empty value', ['--model='], /--model needs a value/],
  [
    'a number that is none',
    ['--model', 'a', '--threads', 'two'],
    /--threads must be a whole number from 1 to 64, got "two"/,
  ],
  ['a number out of range', ['--model', 'a', '--threads', '65'], /from 1 to 64/],
  ['a number in disguise', ['--model', 'a', '--threads', '1e1'], /from 1 to 64/],
  ['a size with a wrong unit', ['--model', 'a', '--cache-bytes', '2GB'], /2GiB, got "2GB"/],
  ['a word that is not offered', ['--model', 'a', '--weights', 'int4'], /one of float32, int8, got "int4"/],
  ['an address without a port', ['--model', 'a', '--listen', 'localhost'], /host:port/],
  ['an address with too high a port', ['--model', 'a', '--listen', 'localhost:70000'], /host:port/],
  ['an argument that is not a flag', ['--model', 'a', 'b'], /unexpected argument "b"/],
];
for (const [what, argv, message] of WRONG) {
  test(`refuses ${what}`, () => assert.match(refusal(argv).message, message));
}

test('a wrong variable is named, not its flag', () => {
  assert.match(refusal(['--model', 'a'], { DIPTYCH_THREADS: '0' }).message, /^DIPTYCH_THREADS must be/);
});

test('arguments after the flags are kept where the program takes them', () => {
  const parsed = parseSettings(
    { ...DEFINITION, positionals: 'IMAGE...' },
    ['x.png', '--model', 'a', '--', '--y'],
    {},
  );
  assert.ok(parsed.help === undefined);
  assert.deepEqual(parsed.positionals, ['x.png', '--y']);
});

test('--help lists every setting with variable and default, even next to mistakes in values', () => {
  const { help } = parseSettings(DEFINITION, ['--help', '--threads', '999'], {});
  assert.ok(help !== undefined);
  assert.match(help, /--threads N +Threads of one run. \[DIPTYCH_THREADS, default 2\]/);
  assert.match(help, /--model FOLDER +Checkpoint to serve. \[DIPTYCH_MODEL, required\]/);
  assert.match(help, /--json +Prints JSON. \[DIPTYCH_JSON\]/);
});
