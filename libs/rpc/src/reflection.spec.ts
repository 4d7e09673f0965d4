import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { GenerateRequestSchema, SamplingSchema } from '@diptych/contract';
import { Client, credentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { serve } from './spec/serve.ts';

interface ReflectionAnswer {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number };
}

const PROTO = import.meta
  .resolve('@grpc/reflection')
  .replace('build/src/index.js', 'build/proto/grpc/reflection/');

/** A reflection client as any tool would make it: from the published proto of the protocol. */
async function ask(context: TestContext, address: string, version: string, question: object) {
  const path = new URL(`${PROTO}${version}/reflection.proto`).pathname;
  const loaded = loadSync(path)[`grpc.reflection.${version}.ServerReflection`];
  assert.ok(loaded !== undefined && 'ServerReflectionInfo' in loaded);
  const method = loaded['ServerReflectionInfo'];
  assert.ok(typeof method === 'object' && 'requestSerialize' in method);
  const client = new Client(address, credentials.createInsecure());
  context.after(() => client.close());
  const call = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
  call.write(question);
  call.end();
  for await (const answer of call) return answer as ReflectionAnswer;
  return assert.fail('no answer');
}

for (const version of ['v1', 'v1alpha']) {
  test(`reflection ${version} lists the services, health among them`, async (context) => {
    const { address } = await serve(context, {});
    const answer = await ask(context, address, version, { listServices: '' });
    const names = answer.listServicesResponse?.service.map(({ name }) => name).sort();
    assert.deepEqual(names, [
      'diptych.v1.LanguageService',
      'diptych.v1.VisionService',
      'grpc.health.v1.Health',
    ]);
  });
}

test('a client that knows nothing but reflection can build and send a request', async (context) => {
  const { address } = await serve(context, {
    countTokens: async (request) => ({ promptTokens: request.prompt?.segments.length ?? 0 }),
  });
  const answer = await ask(context, address, 'v1', { fileContainingSymbol: 'diptych.v1.LanguageService' });
  const file = answer.fileDescriptorResponse?.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  );
  assert.ok(file !== undefined);
  const service = createFileRegistry(
    create(FileDescriptorSetSchema, { file: importsFirst(file) }),
  ).getService('diptych.v1.LanguageService');
  const method = service?.method['countTokens'];
  assert.ok(method !== undefined);
  const request = { prompt: { segments: [{ segment: { case: 'userText', value: 'a' } }] } };
  const response = await send(context, address, method.input, method.output, request as never);
  assert.deepEqual(toJson(method.output, response), { promptTokens: 1 });
});

test('fields keep their presence and their names in JSON', async (context) => {
  const { address } = await serve(context, {});
  const answer = await ask(context, address, 'v1', { fileContainingSymbol: GenerateRequestSchema.typeName });
  const file = answer.fileDescriptorResponse?.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  );
  assert.ok(file !== undefined);
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(file) }));
  const sampling = registry.getMessage(SamplingSchema.typeName);
  assert.deepEqual(
    sampling?.fields.map(({ name, number, jsonName, presence }) => ({ name, number, jsonName, presence })),
    SamplingSchema.fields.map(({ name, number, jsonName, presence }) => ({
      name,
      number,
      jsonName,
      presence,
    })),
  );
});

test('an unknown symbol is answered with an error, not with silence', async (context) => {
  const { address } = await serve(context, {});
  const answer = await ask(context, address, 'v1', { fileContainingSymbol: 'no.such.Thing' });
  assert.equal(answer.errorResponse?.errorCode, 5);
});

test('health answers for the server and for each service', async (context) => {
  const { vision, language, server } = await serve(context, {});
  assert.equal(await vision.health(), 'serving');
  server.setServing(false);
  assert.equal(await vision.health(), 'not_serving');
  await assert.rejects(language.waitForReady({ timeoutMs: 100 }), { message: /is not ready after 100 ms/ });
  server.setServing(true);
  await language.waitForReady({ timeoutMs: 20_000 });
});

function send<Output extends DescMessage>(
  context: TestContext,
  address: string,
  input: DescMessage,
  output: Output,
  request: never,
): Promise<MessageShape<Output>> {
  const client = new Client(address, credentials.createInsecure());
  context.after(() => client.close());
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/diptych.v1.LanguageService/CountTokens',
      (message) => Buffer.from(toBinary(input, create(input, message))),
      (bytes) => fromBinary(output, bytes),
      request,
      (error, response) =>
        response === undefined ? reject(error ?? new Error('no answer')) : resolve(response),
    );
  });
}

/** The files in an order in which each comes after those it imports. */
function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const ordered = new Map<string, FileDescriptorProto>();
  const add = (file: FileDescriptorProto) => {
    if (ordered.has(file.name)) return;
    for (const other of files) if (file.dependency.includes(other.name)) add(other);
    ordered.set(file.name, file);
  };
  files.forEach(add);
  return [...ordered.values()];
}
