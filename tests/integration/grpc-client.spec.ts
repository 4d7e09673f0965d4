import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Services } from '@diptych/cli';
import { PROTO, SAMPLES, startPico } from '@diptych/testing';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** A client made of the published proto files and nothing else of ours. */
interface ChatClient extends grpc.Client {
  chat(request: object): grpc.ClientReadableStream<ChatEvent>;
}
interface ChatEvent {
  readonly event: 'admitted' | 'delta' | 'finished';
  readonly admitted?: { readonly image_tokens: number };
  readonly delta?: { readonly text: string };
  readonly finished?: { readonly reason: string; readonly timings: { readonly ttft_ms: number } };
}

const definition = grpc.loadPackageDefinition(
  loadSync('diptych/v1/chat.proto', { includeDirs: [PROTO], keepCase: true, enums: String, oneofs: true }),
);
const { ChatService } = (definition['diptych'] as { v1: Record<string, grpc.ServiceClientConstructor> }).v1;

suite('a grpc-js client built from the published proto alone', () => {
  let services: Services;
  let client: ChatClient;

  before(async () => {
    services = await startPico();
    assert.ok(ChatService);
    client = new ChatService(services.grpc, grpc.credentials.createInsecure()) as unknown as ChatClient;
  });
  after(async () => {
    client.close();
    await services.stop();
  });

  test('streams an answer about an image', async () => {
    const events: ChatEvent[] = [];
    for await (const event of client.chat(question({ image: sample('two-cats.png') }))) {
      events.push(event as ChatEvent);
    }
    assert.equal(events[0]?.event, 'admitted');
    assert.ok((events[0].admitted?.image_tokens ?? 0) > 0);
    assert.match(events.map(({ delta }) => delta?.text ?? '').join(''), /two cats/i);
    const last = events.at(-1);
    assert.equal(last?.finished?.reason, 'FINISH_REASON_STOP');
    assert.ok(last.finished.timings.ttft_ms > 0);
  });

  test('gets the status and the code of a mistake', async () => {
    const call = client.chat(question({ image: Buffer.from('not an image') }));
    await assert.rejects(
      async () => {
        for await (const event of call) assert.fail(`unexpected ${JSON.stringify(event)}`);
      },
      (error: grpc.ServiceError) => {
        assert.equal(error.code, grpc.status.INVALID_ARGUMENT);
        assert.deepEqual(error.metadata.get('diptych-error-code'), ['image_not_decodable']);
        return true;
      },
    );
  });
});

function question(part: object): object {
  return { messages: [{ role: 'user', content: [part, { text: 'What do we see in this image?' }] }] };
}

function sample(name: string): Buffer {
  return readFileSync(join(SAMPLES, name));
}
