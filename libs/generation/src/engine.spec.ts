import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import { Engine } from './engine.ts';
import type { SequenceRequest } from './request.ts';
import { DeterministicDecoder } from './spec-support/deterministic-decoder.ts';
import { END, generate, idle, request, watch } from './spec-support/requests.ts';

describe('an answer ends', () => {
  const ask = (sampling: Parameters<typeof request>[1], onToken?: Parameters<typeof watch>[2]) => {
    const engine = new Engine({ decoder: new DeterministicDecoder() });
    return watch(engine, request([3, 4, 5], sampling), onToken);
  };

  test('with an end token, which is reported as such', async () => {
    const answer = ask({ ignoreEos: false, logitBias: new Map([[END, 100]]) });
    const { reason, usage } = await answer.finished;
    assert.equal(reason, 'stop');
    assert.deepEqual(
      answer.events.map(({ id, index, end }) => [id, index, end]),
      [[END, 0, true]],
    );
    assert.equal(usage.completionTokens, 1);
  });

  test('with no end token before min_tokens', async () => {
    const answer = ask({ ignoreEos: false, minTokens: 4, logitBias: new Map([[END, 100]]) });
    await answer.finished;
    assert.equal(answer.ids.indexOf(END), 4);
  });

  test('with no end token where these are ignored', async () => {
    const answer = ask({ ignoreEos: true, maxTokens: 5, logitBias: new Map([[END, 100]]) });
    assert.equal((await answer.finished).reason, 'length');
    assert.deepEqual(answer.ids, [END, END, END, END, END]);
  });

  test('with a stop token id, also where end tokens are ignored', async () => {
    const answer = ask({ ignoreEos: true, stopTokenIds: [6], logitBias: new Map([[6, 100]]) });
    assert.equal((await answer.finished).reason, 'stop');
    assert.equal(answer.events.at(-1)?.end, true);
  });

  test('at max_tokens', async () => {
    const answer = ask({ maxTokens: 7 });
    assert.equal((await answer.finished).reason, 'length');
    assert.equal(answer.ids.length, 7);
  });

  test('where the listener says so', async () => {
    const answer = ask({}, ({ index }) => (index === 2 ? 'stop' : 'continue'));
    assert.equal((await answer.finished).reason, 'stop');
    assert.equal(answer.ids.length, 3);
  });

  test('where the context ends, when no max_tokens was given', async () => {
    const answer = ask({ maxTokens: undefined });
    assert.equal((await answer.finished).reason, 'length');
    assert.equal(answer.ids.length, 64 - 3);
  });
});

describe('a request is refused at once', () => {
  const refusal = (wanted: SequenceRequest, code: string, ...words: RegExp[]) => {
    const engine = new Engine({ decoder: new DeterministicDecoder({ capacity: 16 }) });
    assert.throws(
      () => engine.submit(wanted, unheard),
      (error) =>
        error instanceof DiptychError &&
        error.code === code &&
        words.every((word) => word.test(error.message)),
    );
  };
  const prompt = (length: number) => Array.from({ length }, () => 5);

  test('when its prompt fills the context', () => {
    refusal(request(prompt(16), { maxTokens: undefined }), 'context_length_exceeded', /16 tokens/);
    refusal(request(prompt(40), { maxTokens: 1 }), 'context_length_exceeded', /40 tokens/, /16 tokens/);
  });

  test('when max_tokens does not fit after its prompt', () => {
    refusal(request(prompt(10), { maxTokens: 7 }), 'context_length_exceeded', /10 tokens/, /17/, /at most 6/);
  });

  test('when min_tokens is more than the context leaves', () => {
    const wanted = request(prompt(10), { maxTokens: undefined, minTokens: 7 });
    refusal(wanted, 'invalid_parameter', /min_tokens is 7/, /at most 6/);
    new Engine({ decoder: new DeterministicDecoder({ capacity: 17 }) }).submit(wanted, unheard).cancel();
  });

  test('when an image has no place in its prompt, which its caller guarantees', () => {
    const images = [{ digest: 'a', rows: 0 }];
    const engine = new Engine({ decoder: new DeterministicDecoder() });
    assert.throws(() => engine.submit(request([5], {}, { images }), unheard), { name: 'AssertionError' });
  });

  test('when a token id is not in the vocabulary', () => {
    refusal(request([5], { stopTokenIds: [32] }), 'invalid_parameter', /stop_token_ids/, /32/);
    refusal(request([5], { logitBias: new Map([[99, 1]]) }), 'invalid_parameter', /logit_bias/, /99/);
    refusal(request([5], {}, { resumeIds: Int32Array.of(77) }), 'invalid_parameter', /resume_token_ids/);
  });

  test('when it resumes more than it asked for, or has no prompt', () => {
    refusal(
      request([5], { maxTokens: 2 }, { resumeIds: Int32Array.of(2, 3, 4) }),
      'invalid_parameter',
      /at most 2/,
    );
    refusal(request([]), 'invalid_parameter', /no tokens/);
  });
});

test('a resumed answer that is whole already ends without the decoder', async () => {
  const decoder = new DeterministicDecoder();
  const engine = new Engine({ decoder });
  const ended = watch(engine, request([5], { ignoreEos: false }, { resumeIds: Int32Array.of(4, END) }));
  const full = watch(engine, request([5], { maxTokens: 2 }, { resumeIds: Int32Array.of(4, 6) }));
  assert.equal((await ended.finished).reason, 'stop');
  assert.equal((await full.finished).reason, 'length');
  assert.deepEqual([ended.ids, full.ids, decoder.calls], [[], [], []]);
});

describe('the queue', () => {
  test('is bounded, and says when to come again', async () => {
    const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 2 }), maxQueue: 3 });
    const accepted = Array.from({ length: 5 }, (_, i) => generate(engine, request([i + 2])));
    assert.throws(
      () => engine.submit(request([9]), unheard),
      (error) =>
        error instanceof DiptychError && error.code === 'queue_full' && (error.retryAfterMs ?? 0) > 0,
    );
    await Promise.all(accepted);
    await idle(engine);
    assert.equal((await generate(engine, request([9]))).length, 10);
  });

  test('is served first come, first served', async () => {
    const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }) });
    const order: number[] = [];
    const all = [2, 3, 4, 5].map((id) =>
      watch(engine, request([id], { maxTokens: 3 })).finished.then(() => order.push(id)),
    );
    await Promise.all(all);
    assert.deepEqual(order, [2, 3, 4, 5]);
  });

  test('is left by a cancelled sequence at once', async () => {
    const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }), maxQueue: 1 });
    const first = generate(engine, request([2]));
    const second = watch(engine, request([3]));
    second.generation.cancel();
    const third = generate(engine, request([4]));
    assert.equal((await second.failed).code, 'cancelled');
    assert.deepEqual([second.ids.length, (await first).length, (await third).length], [0, 10, 10]);
  });
});

describe('a cancelled sequence', () => {
  test('gives its slot to the next one within one step', async () => {
    const decoder = new DeterministicDecoder({ slots: 1 });
    const engine = new Engine({ decoder });
    const first = watch(engine, request([2], { maxTokens: 40 }));
    const second = watch(engine, request([3]));
    let callsAtCancel = 0;
    decoder.before = (call) => {
      if (call.kind !== 'decode' || decoder.calls.length !== 5) return;
      callsAtCancel = decoder.calls.length;
      first.generation.cancel();
      first.generation.cancel();
    };
    assert.equal((await first.failed).code, 'cancelled');
    await second.finished;
    const next = decoder.calls[callsAtCancel];
    assert.ok(next?.kind === 'prefill' && next.step.ids[0] === 3, 'the next call serves the next sequence');
    assert.equal(first.ids.length, 4);
  });

  test('gives up its slot in the middle of a long prompt', async () => {
    const decoder = new DeterministicDecoder({ slots: 1 });
    const engine = new Engine({ decoder, prefillChunk: 2 });
    const long = watch(engine, request(Array.from({ length: 40 }, () => 7)));
    decoder.before = () => {
      if (decoder.calls.length === 3) long.generation.cancel();
    };
    await long.failed;
    await idle(engine);
    assert.equal(decoder.calls.length, 3);
    assert.deepEqual(engine.load, { queued: 0, active: 0, slots: 1 });
  });

  test('hears of its end once, also when it cancels while it gets its last token', async () => {
    const engine = new Engine({ decoder: new DeterministicDecoder() });
    const heard: string[] = [];
    const generation = engine.submit(request([2]), {
      token: () => {
        heard.push('token');
        generation.cancel();
        return 'stop';
      },
      finished: () => heard.push('finished'),
      failed: ({ code }) => heard.push(code),
    });
    await idle(engine);
    assert.deepEqual(heard, ['token', 'cancelled']);
  });

  test('may be cancelled after its end', async () => {
    const engine = new Engine({ decoder: new DeterministicDecoder() });
    const done = watch(engine, request([2]));
    await done.finished;
    done.generation.cancel();
    assert.equal((await generate(engine, request([2]))).length, 10);
  });
});

describe('an error ends the sequence it belongs to, and no other', () => {
  const PROMPTS = [
    [2, 9],
    [3, 9],
    [4, 9],
    [5, 9],
  ];

  async function outcomes(prepare: (decoder: DeterministicDecoder) => void, culprit: number) {
    const decoder = new DeterministicDecoder();
    prepare(decoder);
    const engine = new Engine({ decoder });
    const all = PROMPTS.map((prompt) => watch(engine, request(prompt)));
    for (const [i, watched] of all.entries()) {
      if (i === culprit) continue;
      await watched.finished;
      const alone = await generate(
        new Engine({ decoder: new DeterministicDecoder() }),
        request(PROMPTS[i] ?? []),
      );
      assert.deepEqual(watched.ids, alone);
    }
    const error = await all[culprit]?.failed;
    await idle(engine);
    decoder.before = () => undefined;
    decoder.after = () => undefined;
    assert.equal((await generate(engine, request([6]))).length, 10, 'the engine goes on');
    return error;
  }

  test('when the decoder fails in a batch', async () => {
    const error = await outcomes((decoder) => {
      decoder.before = (call) => {
        if (call.kind === 'decode' && call.entries.some(({ slot, past }) => slot === 2 && past === 5))
          throw new DiptychError('runtime_failed', 'bad node');
      };
    }, 2);
    assert.equal(error?.code, 'runtime_failed');
    assert.equal(error.message, 'bad node');
  });

  test('when the decoder fails in a prompt', async () => {
    const error = await outcomes((decoder) => {
      decoder.before = (call) => {
        if (call.kind === 'prefill' && call.step.ids[0] === 4) throw new Error('a secret');
      };
    }, 2);
    assert.equal(error?.code, 'internal');
    assert.doesNotMatch(error.message, /secret/);
  });

  test('when logits are not finite', async () => {
    for (const poison of [Number.NaN, Infinity, -Infinity]) {
      const error = await outcomes((decoder) => {
        decoder.after = (call) => {
          if (call.kind !== 'decode') return;
          const row = call.entries.findIndex(({ slot }) => slot === 1);
          if (row !== -1) call.logits[row * decoder.vocabSize + 11] = poison;
        };
      }, 1);
      assert.equal(error?.code, 'internal');
      assert.match(error.message, /not finite/);
    }
  });

  test('when its listener throws', async () => {
    const engine = new Engine({ decoder: new DeterministicDecoder() });
    const bad = watch(engine, request([2]), () => {
      throw new Error('mistake');
    });
    const good = generate(engine, request([3]));
    assert.equal((await bad.failed).code, 'internal');
    assert.equal((await good).length, 10);
  });

  test('each its own, when the runtime is broken', async () => {
    const decoder = new DeterministicDecoder();
    decoder.before = (call) => {
      if (call.kind === 'decode') throw new DiptychError('runtime_failed', 'gone');
    };
    const engine = new Engine({ decoder });
    const all = PROMPTS.map((prompt) => watch(engine, request(prompt)));
    for (const { failed } of all) assert.equal((await failed).code, 'runtime_failed');
    await idle(engine);
  });
});

test('the repetition penalty counts the prompt', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder() });
  const first = async (prompt: readonly number[]) => {
    const sampling = { maxTokens: 1, repetitionPenalty: 100, logitBias: new Map([[3, 20]]) };
    return (await generate(engine, request(prompt, sampling)))[0];
  };
  assert.equal(await first([4, 5]), 3);
  assert.notEqual(await first([4, 3]), 3);
});

test('a long prompt does not stall the stream of another', async () => {
  const decoder = new DeterministicDecoder();
  const engine = new Engine({ decoder, prefillChunk: 4 });
  const stream = watch(engine, request([2], { maxTokens: 30 }));
  const long = watch(engine, request(Array.from({ length: 40 }, () => 7)));
  await Promise.all([stream.finished, long.finished]);
  const prefills = decoder.calls.flatMap((call) => (call.kind === 'prefill' ? [call.step] : []));
  const sizes = prefills.map(({ ids }) => ids.length);
  const withLogits = prefills.map(({ logits }) => logits !== undefined);
  assert.deepEqual(sizes, [1, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1]);
  assert.deepEqual(
    withLogits,
    [true, ...Array.from({ length: 10 }, () => false), true],
    'only last parts need them',
  );
  const kinds = decoder.calls.slice(2, 20).map((call) => call.kind);
  assert.deepEqual(kinds, Array.from({ length: 9 }, () => ['decode', 'prefill']).flat());
});

test('all decoding sequences advance in one batch', async () => {
  const decoder = new DeterministicDecoder();
  const engine = new Engine({ decoder });
  await Promise.all([2, 3, 4, 5].map((id) => generate(engine, request([id], { maxTokens: 6 }))));
  const batches = decoder.calls.flatMap((call) => (call.kind === 'decode' ? [call.entries.length] : []));
  assert.deepEqual(batches, [4, 4, 4, 4, 4]);
});

test('the event loop turns between steps', async () => {
  const decoder = new DeterministicDecoder();
  const engine = new Engine({ decoder });
  let turns = 0;
  let running = true;
  const turn = () => {
    turns++;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await generate(engine, request([2], { maxTokens: 50 }));
  running = false;
  assert.ok(turns >= 50, `${turns} turns for 50 steps`);
});

test('log probabilities come with the tokens that were asked for them', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder() });
  const withThem = watch(engine, request([2], { logprobs: 3 }));
  const without = watch(engine, request([2]));
  await Promise.all([withThem.finished, without.finished]);
  for (const { id, logprobs } of withThem.events) {
    assert.equal(logprobs?.top.length, 3);
    assert.deepEqual(
      logprobs.top[0],
      { id, logprob: logprobs.chosen.logprob },
      'greedy takes the most likely',
    );
  }
  assert.ok(without.events.every(({ logprobs }) => logprobs === undefined));
});

test('timings tell queue, prefill and decode apart', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }) });
  const first = watch(engine, request([2]));
  const second = watch(engine, request([3]));
  const [a, b] = [(await first.finished).timings, (await second.finished).timings];
  for (const ms of [a.queueMs, a.prefillMs, a.decodeMs, b.prefillMs, b.decodeMs]) assert.ok(ms >= 0);
  assert.ok(b.queueMs >= a.prefillMs + a.decodeMs, 'the second waited for the first');
});

describe('shutdown', () => {
  test('ends running and waiting sequences, takes no new ones, and waits for the step that runs', async () => {
    const decoder = new DeterministicDecoder({ slots: 1 });
    const started = Promise.withResolvers<undefined>();
    const gate = Promise.withResolvers<undefined>();
    decoder.before = async () => {
      started.resolve(undefined);
      await gate.promise;
    };
    const engine = new Engine({ decoder });
    const stuck = watch(engine, request([2]));
    const waiting = watch(engine, request([3]));
    await started.promise;
    const closed = engine.close();
    assert.throws(() => engine.submit(request([4]), unheard), { code: 'shutting_down' });
    assert.equal((await stuck.failed).code, 'shutting_down');
    assert.equal((await waiting.failed).code, 'shutting_down');
    gate.resolve(undefined);
    await closed;
    assert.equal(decoder.calls.length, 1);
  });

  test('of an idle engine is immediate, and may be asked for twice', async () => {
    const engine = new Engine({ decoder: new DeterministicDecoder() });
    await engine.close();
    await engine.close();
  });
});

const unheard = {
  token: () => 'continue' as const,
  finished: () => undefined,
  failed: () => undefined,
};
