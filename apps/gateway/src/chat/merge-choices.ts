/** An event of one of several streams. */
export interface ChoiceEvent<T> {
  /** Index of the stream. */
  readonly choice: number;
  readonly event: T;
}

/**
 * Several streams as one, each in its own order. Nothing is passed on before every stream has begun, so that
 * a refusal of one comes first; later, the first failure ends all. The caller aborts what is left.
 */
export async function* mergeChoices<T>(streams: readonly AsyncIterable<T>[]): AsyncGenerator<ChoiceEvent<T>> {
  const [only, ...others] = streams;
  if (only === undefined || others.length > 0) yield* race(streams);
  // Nearly every request: nothing to wait for side by side, at each token.
  else for await (const event of only) yield { choice: 0, event };
}

async function* race<T>(streams: readonly AsyncIterable<T>[]): AsyncGenerator<ChoiceEvent<T>> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const heads = new Map<number, Promise<Head<T>>>();
  const pull = (choice: number, iterator: AsyncIterator<T>) =>
    heads.set(
      choice,
      iterator.next().then((result) => ({ choice, iterator, result })),
    );
  for (const [choice, iterator] of iterators.entries()) pull(choice, iterator);
  await Promise.all(heads.values());
  while (heads.size > 0) {
    const { choice, iterator, result } = await Promise.race(heads.values());
    heads.delete(choice);
    if (result.done === true) continue;
    yield { choice, event: result.value };
    pull(choice, iterator);
  }
}

interface Head<T> {
  readonly choice: number;
  readonly iterator: AsyncIterator<T>;
  readonly result: IteratorResult<T, unknown>;
}
