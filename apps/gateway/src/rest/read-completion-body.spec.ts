import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError, type ErrorCode } from '@diptych/errors';
import fc from 'fast-check';
import { type CompletionCall, readCompletionBody } from './read-completion-body.ts';

const OPTIONS = { model: 'pico', maxImageBytes: 1000, imageToken: '<image>' };
const BEE = 'data:image/png;base64,YmVl';

function read(additions: object = {}): CompletionCall {
  return readCompletionBody({ model: 'pico', prompt: 'We see', ...additions }, OPTIONS);
}

function refusal(body: unknown): DiptychError {
  try {
    readCompletionBody(body, OPTIONS);
  } catch (error) {
    assert.ok(error instanceof DiptychError, String(error));
    return error;
  }
  return assert.fail('was accepted');
}

test('a request with nothing but a prompt takes every default', () => {
  const { job, stream, includeUsage, promptLength } = read();
  assert.deepEqual(job.segments, [{ kind: 'template', text: 'We see' }]);
  assert.deepEqual([job.images, job.addSpecialTokens, job.choices, job.cacheSalt], [[], true, 1, '']);
  assert.deepEqual([stream, includeUsage, promptLength], [false, false, 6]);
  const { maxTokens, temperature, logprobs, stop } = job.sampling;
  assert.deepEqual([maxTokens, temperature, logprobs, stop], [16, undefined, undefined, []]);
});

test('every parameter arrives under its name in the contract', () => {
  const { job, stream, includeUsage } = read({
    ...{ stream: true, stream_options: { include_usage: true }, n: 2, user: 'ann', echo: false },
    ...{ max_tokens: 9, min_tokens: 3, temperature: 0.5, top_p: 0.9, top_k: 4, min_p: 0.1, suffix: null },
    ...{ repetition_penalty: 1.1, presence_penalty: -1, frequency_penalty: 2, logit_bias: { 7: -100 } },
    ...{ seed: 12, stop: ['a', 'b'], stop_token_ids: [5], ignore_eos: true, logprobs: 5, best_of: null },
    ...{ cache_salt: 'x', add_special_tokens: false },
  });
  assert.deepEqual([stream, includeUsage, job.choices, job.cacheSalt], [true, true, 2, 'x']);
  assert.equal(job.addSpecialTokens, false);
  assert.deepEqual(job.sampling, {
    $typeName: 'diptych.v1.Sampling',
    ...{ maxTokens: 9, minTokens: 3, temperature: 0.5, topP: 0.9, topK: 4, minP: 0.1 },
    ...{ repetitionPenalty: 1.1, presencePenalty: -1, frequencyPenalty: 2, logitBias: { 7: -100 } },
    ...{ seed: 12n, stop: ['a', 'b'], stopTokenIds: [5], ignoreEos: true, logprobs: 5 },
  });
});

test('null is as good as absent', () => {
  const keys = [
    'images',
    'temperature',
    'max_tokens',
    'stop',
    'logprobs',
    'echo',
    'suffix',
    'best_of',
    'stream',
  ];
  assert.deepEqual(read(Object.fromEntries(keys.map((key) => [key, null]))), read());
});

test('a list of one text is that text, and a prompt may be empty', () => {
  assert.deepEqual(read({ prompt: ['We see'] }), read());
  assert.deepEqual(read({ prompt: '' }).job.segments, [{ kind: 'template', text: '' }]);
});

test('each placeholder is the place of the next image', () => {
  const images = [BEE, { url: 'https://example.org/' }, { url: 'Y2F0', detail: 'high' }];
  const { job } = read({ prompt: '<image>a<image><image>', images });
  assert.deepEqual(
    job.segments.map((segment) => (segment.kind === 'image' ? segment.index : segment.text)),
    ['', 0, 'a', 1, '', 2, ''],
  );
  assert.deepEqual(job.images, [
    { source: { kind: 'bytes', bytes: Buffer.from('bee') }, param: 'images[0]' },
    { source: { kind: 'address', url: new URL('https://example.org/') }, param: 'images[1]' },
    { source: { kind: 'bytes', bytes: Buffer.from('cat') }, param: 'images[2]', split: true },
  ]);
});

test('the length of a prompt is counted in characters', () => {
  assert.equal(read({ prompt: 'é🐝' }).promptLength, 2);
});

const REFUSED: [object, ErrorCode, string, RegExp?][] = [
  [{ prompt: undefined }, 'invalid_parameter', 'prompt', /missing/],
  [{ prompt: null }, 'invalid_parameter', 'prompt'],
  [{ prompt: 5 }, 'invalid_parameter', 'prompt', /got 5/],
  [{ prompt: '\ud800' }, 'invalid_parameter', 'prompt', /Unicode/],
  [{ prompt: [] }, 'invalid_parameter', 'prompt'],
  [{ prompt: ['a', 'b'] }, 'unsupported_parameter', 'prompt', /one request for each/],
  [{ prompt: [1, 2] }, 'unsupported_parameter', 'prompt', /token ids: send text/],
  [{ prompt: [[1, 2]] }, 'unsupported_parameter', 'prompt', /token ids: send text/],
  [{ messages: [] }, 'unsupported_parameter', 'messages'],
  [{ suffix: 'x' }, 'unsupported_parameter', 'suffix'],
  [{ best_of: 2 }, 'unsupported_parameter', 'best_of'],
  [{ echo: true }, 'unsupported_parameter', 'echo'],
  [{ tools: [] }, 'unsupported_parameter', 'tools'],
  [{ max_completion_tokens: 5 }, 'unsupported_parameter', 'max_completion_tokens'],
  [{ top_logprobs: 5 }, 'unsupported_parameter', 'top_logprobs'],
  [{ logprobs: 6 }, 'invalid_parameter', 'logprobs', /0 to 5/],
  [{ logprobs: true }, 'invalid_parameter', 'logprobs', /0 to 5/],
  [{ max_tokens: 0 }, 'invalid_parameter', 'max_tokens'],
  [{ min_tokens: 17 }, 'invalid_parameter', 'min_tokens', /at most 16/],
  [{ temperature: 2.1 }, 'invalid_parameter', 'temperature'],
  [{ add_special_tokens: 'no' }, 'invalid_parameter', 'add_special_tokens'],
  [{ stream_options: { include_usage: true } }, 'invalid_parameter', 'stream_options', /needs stream/],
  [{ model: 'gpt-5' }, 'model_not_found', 'model', /served is "pico"/],
  [{ model: undefined }, 'invalid_parameter', 'model', /missing/],
  [{ images: BEE }, 'invalid_parameter', 'images', /list of 1 to 32 images/],
  [{ images: [] }, 'invalid_parameter', 'images'],
  [{ images: [5] }, 'invalid_parameter', 'images[0]'],
  [{ images: [{ url: BEE, size: 1 }] }, 'unsupported_parameter', 'images[0].size'],
  [{ prompt: '<image>', images: ['%'] }, 'image_bad_encoding', 'images[0]'],
  [{ prompt: '<image>', images: ['file:///etc/passwd'] }, 'image_url_forbidden', 'images[0]'],
  [{ images: [BEE] }, 'image_count_mismatch', 'images', /0 image placeholders <image>, but images has 1/],
  [{ prompt: '<image><image>', images: [BEE] }, 'image_count_mismatch', 'images', /has 2 .* has 1/],
  [{ prompt: '<image>' }, 'image_count_mismatch', 'images', /has 1 .* has 0/],
];
for (const [additions, code, param, message = /./] of REFUSED) {
  test(`refuses ${JSON.stringify(additions).slice(0, 90)}, naming ${param}`, () => {
    const error = refusal({ model: 'pico', prompt: 'We see', ...additions });
    assert.deepEqual([error.code, error.param], [code, param]);
    assert.match(error.message, message);
  });
}

test('what is no object is no request', () => {
  for (const body of [undefined, null, 3, 'x', [], [{}]])
    assert.equal(refusal(body).code, 'malformed_request');
});

test('an error repeats little of what was sent', () => {
  const long = 'x'.repeat(100_000);
  for (const additions of [
    { model: long },
    { [long]: 1 },
    { prompt: { long } },
    { images: [{ [long]: 1 }] },
  ]) {
    const { message } = refusal({ model: 'pico', prompt: 'We see', ...additions });
    assert.ok(message.length < 500, message.slice(0, 50));
  }
});

test('any JSON is a request or a coded refusal of it, never a crash; unknown fields are named', () => {
  const anything = fc.jsonValue({ maxDepth: 4 });
  const known = ['model', 'prompt', 'images', 'n', 'stop', 'logit_bias', 'stream_options', 'echo', 'suffix'];
  const prompt = fc.oneof(fc.constantFrom('<image>', 'We <image><image> see', ['x'], [1]), anything);
  const images = fc.oneof(fc.array(fc.oneof(fc.constantFrom(BEE, { url: BEE }), anything)), anything);
  const body = fc.oneof(
    anything,
    fc.dictionary(fc.oneof(fc.constantFrom(...known, '__proto__'), fc.string()), anything),
    fc.record({ model: fc.constant('pico'), prompt, images }, { requiredKeys: ['model'] }),
  );
  fc.assert(
    fc.property(body, (value) => {
      try {
        const { job } = readCompletionBody(JSON.parse(JSON.stringify(value)), OPTIONS);
        const places = job.segments.filter(({ kind }) => kind === 'image').length;
        assert.equal(places, job.images.length);
      } catch (error) {
        assert.ok(error instanceof DiptychError, String(error));
        assert.ok(error.entry.http >= 400 && error.entry.http < 500);
        assert.ok(error.message !== '' && error.message.isWellFormed());
      }
    }),
    { numRuns: 1000 },
  );
  const unknown = fc.string({ minLength: 1, maxLength: 90 }).filter((name) => name !== '__proto__');
  fc.assert(
    fc.property(unknown, anything, (name, value) => {
      fc.pre(!Object.hasOwn(ACCEPTED, name));
      const error = refusal({ model: 'pico', prompt: 'x', [name]: value ?? 1 });
      assert.deepEqual([error.code, error.param], ['unsupported_parameter', name]);
    }),
  );
});

/** Names that a random one must not be. */
const ACCEPTED = {
  n: 1,
  user: 1,
  seed: 1,
  stop: 1,
  echo: 1,
  top_k: 1,
  top_p: 1,
  min_p: 1,
  model: 1,
  prompt: 1,
};
