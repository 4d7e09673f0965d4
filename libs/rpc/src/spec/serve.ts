import type { TestContext } from 'node:test';
import { LanguageService, VisionService } from '@diptych/contract';
import { createClient } from '../client.ts';
import { RpcServer, type RpcServerOptions } from '../server.ts';
import type { RpcHandlers } from '../service-types.ts';

type Language = RpcHandlers<typeof LanguageService>;
type Vision = RpcHandlers<typeof VisionService>;

/** A running server of both stage services whose handlers a spec replaces one by one, and a client of each. */
export async function serve(
  context: TestContext,
  handlers: Partial<Language & Vision>,
  options: Partial<RpcServerOptions> = {},
) {
  const server = new RpcServer({ address: '127.0.0.1:0', ...options });
  const unused = { model: { id: 'unused' } };
  server.add(VisionService, {
    encodeImage: () => Promise.resolve({}),
    getModel: () => Promise.resolve(unused),
    ...handlers,
  });
  server.add(LanguageService, {
    generate: () => empty(),
    countTokens: () => Promise.resolve({}),
    getModel: () => Promise.resolve(unused),
    ...handlers,
  });
  const { address } = await server.start();
  const vision = createClient(VisionService, { address, name: 'vision-service' });
  const language = createClient(LanguageService, { address, name: 'lm-service' });
  context.after(async () => {
    vision.close();
    language.close();
    await server.shutdown(0);
  });
  return { server, address, vision, language };
}

/** A Delta event with this text. */
export const delta = (text: string) => ({ event: { case: 'delta', value: { text } } }) as const;

/** The texts of a stream's Delta events. */
export async function texts(
  stream: AsyncIterable<{ event: { case?: string | undefined; value?: unknown } }>,
) {
  const all: string[] = [];
  for await (const { event } of stream) all.push((event.value as { text: string }).text);
  return all;
}

async function* empty(): AsyncGenerator<never> {
  await Promise.resolve();
}
