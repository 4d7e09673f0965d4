/** Waits for the first event, so that a failure before it can be told apart; the result starts with it. */
export async function begun<T>(events: AsyncGenerator<T>): Promise<AsyncGenerator<T>> {
  const first = await events.next();
  return resumed(first, events);
}

async function* resumed<T>(first: IteratorResult<T, unknown>, events: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done === true) return;
  try {
    yield first.value;
    yield* events;
  } finally {
    await events.return(undefined);
  }
}
