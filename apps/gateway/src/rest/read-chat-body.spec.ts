import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError, type ErrorCode } from '@diptych/errors';
import fc from 'fast-check';
import { type ChatCall, readChatBody } from './read-chat-body.ts';

const OPTIONS = { model: 'pico', maxImageBytes: 1000 };
const BEE = 'data:image/png;base64,YmVl';

function read(additions: object = {}): ChatCall {
  return readChatBody({ model: 'pico', messages: [{ role: 'user', content: 'hi' }], ...additions }, OPTIONS);
}

function refusal(body: unknown): DiptychError {
  try {
    readChatBody(body, OPTIONS);
  } catch (error) {
    assert.ok(error instanceof DiptychError, String(error));
    return error;
  }
  return assert.fail('was accepted');
}

test('a request with nothing but a question takes every default', () => {
  const { job, stream, includeUsage } = read();
  assert.deepEqual(job.messages, [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }]);
  assert.deepEqual([stream, includeUsage, job.choices, job.cacheSalt], [false, false, 1, '']);
  const { temperature, maxTokens, seed, logprobs, stop } = job.sampling;
  assert.deepEqual(
    [temperature, maxTokens, seed, logprobs, stop],
    [undefined, undefined, undefined, undefined, []],
  );
});

test('every parameter arrives under its name in the contract', () => {
  const { job, stream, includeUsage } = read({
    ...{
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      n: 2,
      user: 'ann',
    },
    ...{
      max_completion_tokens: 9,
      max_tokens: 9,
      min_tokens: 3,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 4,
      min_p: 0.1,
    },
    ...{
      repetition_penalty: 1.1,
      presence_penalty: -1,
      frequency_penalty: 2,
      logit_bias: { 7: -100, 8: 0.5 },
    },
    ...{ seed: 12, stop: ['a', 'b'], stop_token_ids: [5], ignore_eos: true, logprobs: true, top_logprobs: 3 },
    ...{
      cache_salt: 'x',
      response_format: { type: 'text' },
      modalities: ['text'],
      store: false,
      tools: null,
    },
  });
  assert.deepEqual([stream, includeUsage, job.choices, job.cacheSalt], [true, true, 2, 'x']);
  assert.deepEqual(job.sampling, {
    $typeName: 'diptych.v1.Sampling',
    ...{ maxTokens: 9, minTokens: 3, temperature: 0.5, topP: 0.9, topK: 4, minP: 0.1 },
    ...{ repetitionPenalty: 1.1, presencePenalty: -1, frequencyPenalty: 2, logitBias: { 7: -100, 8: 0.5 } },
    ...{ seed: 12n, stop: ['a', 'b'], stopTokenIds: [5], ignoreEos: true, logprobs: 3 },
  });
});

test('null is as good as absent', () => {
  const keys = [
    'temperature',
    'top_p',
    'max_tokens',
    'stop',
    'seed',
    'n',
    'logprobs',
    'stream',
    'tools',
    'user',
  ];
  assert.deepEqual(read(Object.fromEntries(keys.map((key) => [key, null]))), read());
});

test('a negative seed is one of its own, and stays the same', () => {
  assert.equal(read({ seed: -1 }).job.sampling.seed, 2n ** 64n - 1n);
});

test('one stop string may stand alone; logprobs alone ask for the chosen token', () => {
  const { sampling } = read({ stop: 'x', logprobs: true }).job;
  assert.deepEqual([sampling.stop, sampling.logprobs], [['x'], 0]);
});

test('an answer can be sent back as it came, and images stand in any user turn', () => {
  const { job } = read({
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: BEE, detail: 'low' } },
          { type: 'text', text: 'What?' },
        ],
      },
      { role: 'assistant', content: 'A bee.', refusal: null },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'And' },
          { type: 'image_url', image_url: { url: 'https://example.org/' } },
        ],
      },
    ],
  });
  assert.deepEqual(
    job.messages.map(({ role, content }) => [role, content.map(({ type }) => type)]),
    [
      ['system', ['text']],
      ['user', ['image', 'text']],
      ['assistant', ['text']],
      ['user', ['text', 'image']],
    ],
  );
  assert.deepEqual(job.images, [
    {
      source: { kind: 'bytes', bytes: Buffer.from('bee') },
      param: 'messages[1].content[0].image_url.url',
      split: false,
    },
    {
      source: { kind: 'address', url: new URL('https://example.org/') },
      param: 'messages[3].content[1].image_url.url',
    },
  ]);
});

test('text is never an image or anything but text', () => {
  const { job } = read({ messages: [{ role: 'user', content: `<image> ${BEE}` }] });
  assert.deepEqual(job.messages, [{ role: 'user', content: [{ type: 'text', text: `<image> ${BEE}` }] }]);
  assert.deepEqual(job.images, []);
});

const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });
const image = (image_url: unknown) => user([{ type: 'image_url', image_url }]);

const REFUSED: [object, ErrorCode, string, RegExp?][] = [
  [{ temperature: 2.1 }, 'invalid_parameter', 'temperature', /a number from 0 to 2, got 2\.1/],
  [{ temperature: '1' }, 'invalid_parameter', 'temperature', /got "1"/],
  [{ temperature: [1] }, 'invalid_parameter', 'temperature'],
  [{ temperature: Infinity }, 'invalid_parameter', 'temperature'],
  [{ top_p: 0 }, 'invalid_parameter', 'top_p', /above 0 and at most 1/],
  [{ max_tokens: 0 }, 'invalid_parameter', 'max_tokens', /from 1 to/],
  [{ max_tokens: 1.5 }, 'invalid_parameter', 'max_tokens'],
  [{ max_tokens: 1, max_completion_tokens: 2 }, 'invalid_parameter', 'max_completion_tokens'],
  [{ min_tokens: 3, max_tokens: 2 }, 'invalid_parameter', 'min_tokens'],
  [{ n: 17 }, 'invalid_parameter', 'n', /from 1 to 16/],
  [{ seed: 2 ** 53 }, 'invalid_parameter', 'seed'],
  [{ repetition_penalty: 0.009 }, 'invalid_parameter', 'repetition_penalty'],
  [{ presence_penalty: 3 }, 'invalid_parameter', 'presence_penalty', /-2 to 2/],
  [{ top_logprobs: 2 }, 'invalid_parameter', 'top_logprobs', /needs logprobs/],
  [{ logprobs: true, top_logprobs: 21 }, 'invalid_parameter', 'top_logprobs', /0 to 20/],
  [{ logprobs: 1 }, 'invalid_parameter', 'logprobs'],
  [{ stop: Array(17).fill('x') }, 'invalid_parameter', 'stop', /up to 16/],
  [{ stop: '' }, 'invalid_parameter', 'stop'],
  [{ stop_token_ids: [-1] }, 'invalid_parameter', 'stop_token_ids'],
  [{ logit_bias: { bee: 1 } }, 'invalid_parameter', 'logit_bias', /"bee"/],
  [{ logit_bias: { 5: 101 } }, 'invalid_parameter', 'logit_bias.5', /-100 to 100/],
  [{ stream: 'yes' }, 'invalid_parameter', 'stream'],
  [{ stream_options: { include_usage: true } }, 'invalid_parameter', 'stream_options', /needs stream/],
  [{ stream: true, stream_options: { chunks: 1 } }, 'unsupported_parameter', 'stream_options.chunks'],
  [{ model: 'gpt-5' }, 'model_not_found', 'model', /served is "pico"/],
  [{ model: undefined }, 'invalid_parameter', 'model', /missing/],
  [{ tools: [] }, 'unsupported_parameter', 'tools', /cannot call tools/],
  [{ response_format: { type: 'json_object' } }, 'unsupported_parameter', 'response_format.type'],
  [{ modalities: ['text', 'audio'] }, 'unsupported_parameter', 'modalities'],
  [{ store: true }, 'unsupported_parameter', 'store'],
  [{ best_of: 2 }, 'unsupported_parameter', 'best_of'],
  [{ messages: undefined }, 'invalid_parameter', 'messages', /missing/],
  [{ messages: [] }, 'invalid_parameter', 'messages', /1 to 1024/],
  [{ messages: 'hi' }, 'invalid_parameter', 'messages'],
  [{ messages: [null] }, 'invalid_parameter', 'messages[0]'],
  [
    { messages: [{ role: 'tool', content: 'x' }] },
    'invalid_parameter',
    'messages[0].role',
    /"assistant", got "tool"/,
  ],
  [{ messages: [{ role: 'user', content: 'x', name: 'ann' }] }, 'unsupported_parameter', 'messages[0].name'],
  [
    { messages: [{ role: 'assistant', content: 'x', tool_calls: [] }] },
    'unsupported_parameter',
    'messages[0].tool_calls',
  ],
  [user(null), 'invalid_parameter', 'messages[0].content'],
  [user([]), 'invalid_parameter', 'messages[0].content'],
  [user('\ud800'), 'invalid_parameter', 'messages[0].content[0].text', /Unicode/],
  [user([{ type: 'input_audio' }]), 'unsupported_parameter', 'messages[0].content[0].type'],
  [
    user([{ type: 'text', text: 'x', cache_control: {} }]),
    'unsupported_parameter',
    'messages[0].content[0].cache_control',
  ],
  [image(BEE), 'invalid_parameter', 'messages[0].content[0].image_url', /object with the field url/],
  [
    image({ url: BEE, detail: 'most' }),
    'invalid_parameter',
    'messages[0].content[0].image_url.detail',
    /"high"/,
  ],
  [image({ url: '%' }), 'image_bad_encoding', 'messages[0].content[0].image_url.url'],
  [
    user(Array(33).fill({ type: 'image_url', image_url: { url: BEE } })),
    'invalid_parameter',
    'messages[0].content[32]',
    /up to 32/,
  ],
  [
    { messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: BEE } }] }] },
    'invalid_parameter',
    'messages[0].content[0]',
    /user messages/,
  ],
];
for (const [additions, code, param, message = /./] of REFUSED) {
  test(`refuses ${JSON.stringify(additions).slice(0, 90)}, naming ${param}`, () => {
    const error = refusal({ model: 'pico', messages: [{ role: 'user', content: 'hi' }], ...additions });
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
    { temperature: long },
    user([{ type: long }]),
    { logit_bias: { [long]: 1 } },
  ]) {
    const { message } = refusal({ model: 'pico', messages: [{ role: 'user', content: 'hi' }], ...additions });
    assert.ok(message.length < 500, message.slice(0, 50));
  }
});

test('any JSON is a request or a coded refusal of it, never a crash', () => {
  const anything = fc.jsonValue({ maxDepth: 4 });
  const parameters = [
    'model',
    'messages',
    'n',
    'stop',
    'logit_bias',
    'stream_options',
    'response_format',
    'role',
    '__proto__',
  ];
  const part = fc.record(
    { type: fc.oneof(fc.constantFrom('text', 'image_url'), anything), text: anything, image_url: anything },
    { requiredKeys: [] },
  );
  const message = fc.record({
    role: fc.oneof(fc.constantFrom('user', 'assistant'), anything),
    content: fc.oneof(anything, fc.array(part)),
  });
  const body = fc.oneof(
    anything,
    fc.dictionary(fc.oneof(fc.constantFrom(...parameters), fc.string()), anything),
    fc.record({ model: fc.constant('pico'), messages: fc.array(fc.oneof(message, anything)) }),
  );
  fc.assert(
    fc.property(body, (value) => {
      try {
        assert.equal(readChatBody(JSON.parse(JSON.stringify(value)), OPTIONS).job.choices, 1);
      } catch (error) {
        assert.ok(error instanceof DiptychError, String(error));
        assert.ok(error.entry.http >= 400 && error.entry.http < 500);
        assert.ok(error.message !== '' && error.message.isWellFormed());
      }
    }),
    { numRuns: 1000 },
  );
});
