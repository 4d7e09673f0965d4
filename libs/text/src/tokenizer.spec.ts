import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { loadGolden, readGoldens } from './golden.ts';
import type { Segment } from './prompt.ts';
import { Tokenizer } from './tokenizer.ts';

const BYTE_LEVEL = ['gpt2', 'smollm', 'digit-runs', 'llama3', 'whitespace-tokens'];
/** Tokens that only a template can spell. */
const MARKUP = ['<|im_start|>', '<|im_end|>', '<image>', '<lstrip>', '<rstrip>', '<both>', 'word', '<plain>'];

const template = (text: string): Segment => ({ kind: 'template', text });
const user = (text: string): Segment => ({ kind: 'user', text });
const image = (index: number): Segment => ({ kind: 'image', index });

/** Ids without images and without what the post-processor adds in front. */
function encode(tokenizer: Tokenizer, segments: readonly Segment[]): number[] {
  const framed = [...tokenizer.encodePrompt(segments, [], { imageTokenId: -1 }).ids];
  const empty = tokenizer.encodePrompt([], [], { imageTokenId: -1 }).ids;
  return framed.slice(empty.length);
}

function decode(tokenizer: Tokenizer, ids: readonly number[]): string {
  const detokenizer = tokenizer.createDetokenizer();
  return ids.map((id) => detokenizer.push(id)).join('') + detokenizer.finish();
}

/** Cuts a text at the given fractions, and takes the parts as template and user text in turn. */
function alternate(text: string, cuts: readonly number[]): Segment[] {
  const characters = Array.from(text);
  const edges = [0, ...cuts.map((cut) => Math.floor(cut * characters.length)), characters.length].toSorted(
    (a, b) => a - b,
  );
  return edges.slice(1).map((edge, index) => {
    const part = characters.slice(edges[index], edge).join('');
    return index % 2 === 0 ? template(part) : user(part);
  });
}

for (const golden of readGoldens()) {
  describe(`a tokeniser like ${golden.name}`, () => {
    const tokenizer = Tokenizer.load({ tokenizer: golden.tokenizer, tokenizerConfig: undefined });

    test('gives template text the ids of the reference', () => {
      for (const { text, ids } of golden.cases)
        assert.deepEqual(encode(tokenizer, [template(text)]), ids, text);
    });

    test('gives a text the same ids whatever was encoded before, more words than it remembers among it', () => {
      const used = Tokenizer.load({ tokenizer: golden.tokenizer, tokenizerConfig: undefined });
      const expectSame = () => {
        for (const { text, ids } of golden.cases) assert.deepEqual(encode(used, [template(text)]), ids, text);
      };
      const others = Array.from({ length: 17_000 }, (_, i) => `w${i.toString(36)}`);
      expectSame();
      expectSame();
      encode(used, [user(others.join(' '))]);
      expectSame();
    });

    test('decodes as the reference decodes', () => {
      for (const { text, ids, decoded } of golden.cases) assert.equal(decode(tokenizer, ids), decoded, text);
    });

    test('puts the start token of the checkpoint in front', () => {
      const { ids } = tokenizer.encodePrompt([user('hello')], [], { imageTokenId: -1 });
      assert.deepEqual([...ids], golden.framedHello);
    });

    test('gives the same ids wherever plain text is cut into template and user text', () => {
      const plain = golden.cases.filter(({ text }) => !MARKUP.some((literal) => text.includes(literal)));
      const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });
      fc.assert(
        fc.property(fc.constantFrom(...plain), cuts, ({ text, ids }, at) => {
          assert.deepEqual(encode(tokenizer, alternate(text, at)), ids);
        }),
      );
    });

    test('never makes a special token or other markup of what a user types', () => {
      const markup = new Set(MARKUP.map((literal) => tokenizer.tokenId(literal)));
      const text = fc.array(
        fc.oneof(fc.constantFrom(...MARKUP, ' ', '<', '|>', '</s>'), fc.string({ unit: 'grapheme' })),
      );
      fc.assert(
        fc.property(text, (parts) => {
          const ids = encode(tokenizer, [template('User:'), user(parts.join('')), template('\nAssistant:')]);
          assert.ok(!ids.some((id) => markup.has(id) || tokenizer.isSpecial(id)));
        }),
      );
    });
  });
}

for (const name of BYTE_LEVEL) {
  test(`a user's text survives encoding and decoding unchanged (${name})`, () => {
    const tokenizer = loadGolden(name);
    const text = fc.array(fc.oneof(fc.constantFrom(...MARKUP, '\n', '  '), fc.string({ unit: 'binary' })));
    fc.assert(
      fc.property(text, (parts) => {
        const typed = parts.join('').toWellFormed();
        assert.equal(decode(tokenizer, encode(tokenizer, [user(typed)])), typed);
      }),
    );
  });
}

test('a literal that template and user text spell only together is no token', () => {
  const tokenizer = loadGolden('gpt2');
  const ids = encode(tokenizer, [template('<|im_'), user('start|>')]);
  assert.ok(!ids.includes(tokenizer.tokenId('<|im_start|>') ?? -1));
  assert.deepEqual(encode(tokenizer, [template('<|im_'), template('start|>')]), [
    tokenizer.tokenId('<|im_start|>'),
  ]);
});

test('a user’s `<image>` is characters, and only expansions hold image placeholders', () => {
  const tokenizer = loadGolden('smollm');
  const imageTokenId = tokenizer.tokenId('<image>') ?? -1;
  const segments = [template('a<image>'), image(1), user('<image>'), image(0), template('b')];
  const { ids, imagePositions, images } = tokenizer.encodePrompt(
    segments,
    ['<image>', '<both><image><image>'],
    {
      imageTokenId,
    },
  );
  assert.deepEqual([...imagePositions], [3, 4, ids.length - 2]);
  assert.deepEqual(images, [
    { index: 1, firstRow: 0, rows: 2 },
    { index: 0, firstRow: 2, rows: 1 },
  ]);
  assert.equal(
    ids.filter((id) => id === imageTokenId).length,
    4,
    'the template’s own literal is a token, too',
  );
});

test('the start token is not doubled where the template spells it, and a user cannot suppress it', () => {
  const [golden] = readGoldens().filter(({ name }) => name === 'llama2-legacy');
  const tokenizer = Tokenizer.load({
    tokenizer: golden?.tokenizer,
    tokenizerConfig: { bos_token: { content: '<s>', __type: 'AddedToken' } },
  });
  const start = tokenizer.tokenId('<s>');
  const idsOf = (segment: Segment) => [...tokenizer.encodePrompt([segment], [], { imageTokenId: -1 }).ids];
  assert.deepEqual(
    idsOf(template('<s>hello')).filter((id) => id === start),
    [start],
  );
  assert.deepEqual(
    idsOf(user('<s>hello')).filter((id) => id === start),
    [start],
  );
});

test('digits of any script are digits, as in the reference', () => {
  const vocab = { Â: 0, '²': 1, 'Â²': 2, 'Â²Â²': 3 };
  const merges = ['Â ²', 'Â² Â²'];
  const digits = (individual: boolean) => ({
    model: { type: 'BPE', vocab, merges },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: individual },
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ],
    },
    decoder: { type: 'ByteLevel' },
  });
  const load = (individual: boolean) =>
    Tokenizer.load({ tokenizer: digits(individual), tokenizerConfig: {} });
  assert.deepEqual(encode(load(true), [user('²²')]), [2, 2]);
  assert.deepEqual(encode(load(false), [user('²²')]), [3]);
});

test('what tokenizer_config.json calls special is special, too', () => {
  const [golden] = readGoldens().filter(({ name }) => name === 'gpt2');
  const tokenizer = Tokenizer.load({
    tokenizer: golden?.tokenizer,
    tokenizerConfig: {
      eos_token: 'at',
      additional_special_tokens: [{ content: '<plain>' }],
      extra_special_tokens: { x: 'wo' },
    },
  });
  assert.deepEqual(tokenizer.specialTokens, { eos_token: 'at' });
  for (const content of ['at', '<plain>', 'wo']) {
    const id = tokenizer.tokenId(content) ?? -1;
    assert.ok(tokenizer.isSpecial(id), content);
    assert.deepEqual(encode(tokenizer, [template(content)]), [id]);
    assert.ok(!encode(tokenizer, [user(`a ${content}`)]).includes(id), content);
  }
});

test('a text of more tokens than are wanted is refused, and early where it is far too long', () => {
  const tokenizer = loadGolden('llama2-legacy');
  const attempt = (text: string, maxTokens: number) => () =>
    tokenizer.encodePrompt([user(text)], [], { imageTokenId: -1, maxTokens });
  const exceeded = (error: unknown) =>
    error instanceof DiptychError && error.code === 'context_length_exceeded';
  const count = encode(tokenizer, [user('two cats and a bee')]).length;
  attempt('two cats and a bee', count)();
  assert.throws(attempt('two cats and a bee', count - 1), exceeded);
  assert.throws(attempt('cat'.repeat(1_000_000), 1000), exceeded);
});

test('a text of endless words is refused before it is split', () => {
  const tokenizer = loadGolden('smollm');
  assert.throws(
    () => tokenizer.encodePrompt([user('a '.repeat(5_000_000))], [], { imageTokenId: -1, maxTokens: 1000 }),
    (error) => error instanceof DiptychError && error.code === 'context_length_exceeded',
  );
});

test('a word that would take long to merge is refused, whatever the limit', () => {
  for (const name of ['llama2-legacy', 'smollm']) {
    const word = 'x'.repeat(2 ** 17 + 1);
    assert.throws(
      () => loadGolden(name).encodePrompt([user(word)], [], { imageTokenId: -1 }),
      (error) => error instanceof DiptychError && error.code === 'invalid_parameter',
      name,
    );
  }
});

test('a character that the vocabulary lacks becomes the unknown token, as in the reference', () => {
  const load = (fields: object) => {
    const model = { type: 'BPE', vocab: { '<unk>': 0, a: 1, b: 2, ab: 3 }, merges: ['a b'], ...fields };
    const added_tokens = [{ id: 0, content: '<unk>', special: true }];
    return Tokenizer.load({ tokenizer: { model, added_tokens }, tokenizerConfig: undefined });
  };
  assert.deepEqual(encode(load({ unk_token: '<unk>' }), [user('abéça')]), [3, 0, 0, 1]);
  assert.deepEqual(encode(load({ unk_token: '<unk>', fuse_unk: true }), [user('abéça')]), [3, 0, 1]);
  assert.deepEqual(encode(load({}), [user('abéça')]), [3, 1]);
});

test('every prompt that does not match its images is refused', () => {
  const tokenizer = loadGolden('gpt2');
  const attempt = (segments: Segment[], expansions: string[]) => () =>
    tokenizer.encodePrompt(segments, expansions, { imageTokenId: 1 });
  const mismatch = (error: unknown) => error instanceof DiptychError && error.code === 'image_count_mismatch';
  assert.throws(attempt([image(0)], []), mismatch);
  assert.throws(attempt([image(1)], ['<image>']), mismatch);
  assert.throws(attempt([image(-1)], ['<image>']), mismatch);
  assert.throws(attempt([user('no image')], ['<image>']), mismatch);
  assert.throws(attempt([image(0), image(0)], ['<image>']), mismatch);
});

test('half of a surrogate pair is refused, not replaced', () => {
  const tokenizer = loadGolden('gpt2');
  const invalid = (error: unknown) => error instanceof DiptychError && error.code === 'invalid_parameter';
  assert.throws(() => tokenizer.encodePrompt([user('a\ud83d')], [], { imageTokenId: 1 }), invalid);
  assert.throws(
    () => tokenizer.encodePrompt([user('\ud83d'), user('\ude00')], [], { imageTokenId: 1 }),
    invalid,
  );
});

test('tells the bytes of a token', () => {
  const gpt2 = loadGolden('gpt2');
  assert.deepEqual(gpt2.tokenBytes(gpt2.tokenId('Ġ') ?? -1), Uint8Array.of(0x20));
  assert.deepEqual(gpt2.tokenBytes(gpt2.tokenId('<image>') ?? -1), new TextEncoder().encode('<image>'));
  const mistral = loadGolden('mistral');
  assert.deepEqual(mistral.tokenBytes(mistral.tokenId('<0xE4>') ?? -1), Uint8Array.of(0xe4));
  assert.deepEqual(mistral.tokenBytes(mistral.tokenId('▁') ?? -1), Uint8Array.of(0x20));
  assert.equal(gpt2.tokenBytes(gpt2.vocabSize).length, 0);
});

test('a file that is no BPE tokeniser is refused by name', () => {
  const load = (tokenizer: unknown) => () => Tokenizer.load({ tokenizer, tokenizerConfig: {} });
  const model = { type: 'BPE', vocab: { a: 0 }, merges: [] };
  const broken = [
    null,
    [],
    {},
    { model: { type: 'Unigram', vocab: [] } },
    { model: { ...model, vocab: { a: 'x' } } },
    { model: { type: 'BPE', vocab: {} } },
    { model, added_tokens: [{ content: 'x' }] },
    { model, pre_tokenizer: { type: 'Unknown' } },
    { model, pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithNext' } },
    { model, post_processor: { type: 'Unknown' } },
  ];
  for (const file of broken) {
    assert.throws(load(file), (error) => {
      assert.ok(error instanceof DiptychError && error.code === 'checkpoint_invalid', String(error));
      assert.match(error.message, /tokenizer\.json/);
      return true;
    });
  }
});
