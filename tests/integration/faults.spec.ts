import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ServiceName, Services } from '@diptych/cli';
import { sampleDataUri, startPico } from '@diptych/testing';

suite('a service killed during a stream', () => {
  test('lm-service: the stream ends with one clear error', async () => {
    await using services = await startPico();
    const stream = await openStream(services);
    await stream.next();
    kill(services, 'lm-service');
    const rest = await collect(stream);
    const errors = rest.filter((data) => data.includes('"error"'));
    assert.equal(errors.length, 1, rest.join('\n'));
    assert.match(errors[0] ?? '', /stream_interrupted|stage_unavailable/);
    assert.match(errors[0] ?? '', /lm-service/);
    assert.equal(rest.at(-1), errors[0], 'nothing follows the error');
  });

  test('gateway: the connection ends at once', async () => {
    await using services = await startPico();
    const stream = await openStream(services);
    await stream.next();
    kill(services, 'gateway');
    await assert.rejects(collect(stream));
  });

  test('vision-service: running streams and text-only chat go on, images get one clear error', async () => {
    await using services = await startPico();
    const stream = await openStream(services, 60);
    await stream.next();
    kill(services, 'vision-service');
    await services.processes['vision-service'].exited;
    assert.equal((await collect(stream)).at(-1), '[DONE]');
    const text = await chat(services, { content: 'Hello', max_tokens: 3 });
    assert.equal(text.status, 200);
    const image = await chat(services, {
      content: [{ type: 'image_url', image_url: { url: sampleDataUri('bee-and-flowers.png') } }],
      max_tokens: 3,
    });
    assert.equal(image.status, 503);
    const { error } = (await image.json()) as { error: { code: string; message: string } };
    assert.equal(error.code, 'stage_unavailable');
    assert.match(error.message, /vision-service/);
  });
});

/** Kills one service as the operating system would when memory runs out. */
function kill(services: Services, name: ServiceName): void {
  const { pid } = services.processes[name];
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
}

async function chat(
  services: Services,
  { content, ...rest }: { content: unknown; [parameter: string]: unknown },
): Promise<Response> {
  return await fetch(`${services.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'pico', messages: [{ role: 'user', content }], ...rest }),
  });
}

/** A stream long enough to be interrupted: the model is not allowed to end its answer. */
async function openStream(services: Services, maxTokens = 600): Promise<AsyncGenerator<string, void>> {
  const response = await chat(services, {
    content: [
      { type: 'image_url', image_url: { url: sampleDataUri('two-cats.png') } },
      { type: 'text', text: 'What do we see in this image?' },
    ],
    stream: true,
    ignore_eos: true,
    max_tokens: maxTokens,
  });
  assert.equal(response.status, 200);
  assert.ok(response.body);
  return serverSentData(response.body.pipeThrough(new TextDecoderStream()));
}

async function* serverSentData(body: ReadableStream<string>): AsyncGenerator<string, void> {
  let pending = '';
  for await (const text of body) {
    const events = (pending + text).split('\n\n');
    pending = events.pop() ?? '';
    for (const event of events) yield event.replace(/^data: /, '');
  }
}

async function collect(stream: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const data of stream) all.push(data);
  return all;
}
