import assert from 'node:assert/strict';
import type { GenerateRequest } from '@diptych/contract';
import { createLogger } from '@diptych/telemetry';
import type { PromptTemplate } from '../chat/prompt.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../gateway.ts';
import { type FakeStages, type RunningStages, startStages } from './fake-stages.ts';

/** A gateway over fake stages. */
export interface RunningGateway extends Gateway, AsyncDisposable {
  readonly stages: RunningStages;
}

/** The simplest template: each turn is its role and its content. */
export const TEMPLATE: PromptTemplate = {
  render: (messages) => {
    let images = 0;
    return messages.flatMap(({ role, content }) => [
      { kind: 'template', text: `<${role}>` } as const,
      ...content.map((part) =>
        part.type === 'text'
          ? ({ kind: 'user', text: part.text } as const)
          : ({ kind: 'image', index: images++ } as const),
      ),
    ]);
  },
};

/** Starts a gateway on free ports with fake stages behind it; disposing stops all. */
export async function start(
  fake: FakeStages = {},
  options: Partial<GatewayOptions> = {},
): Promise<RunningGateway> {
  const stages = await startStages(fake);
  const gateway = await startGateway({
    model: 'pico',
    template: TEMPLATE,
    imageToken: '<image>',
    listen: '127.0.0.1:0',
    grpcListen: '127.0.0.1:0',
    vision: stages.vision,
    language: stages.language,
    maxRequests: 8,
    maxBodyBytes: 100_000,
    maxImageBytes: 10_000,
    imageTimeoutMs: 5_000,
    requestTimeoutMs: 60_000,
    graceMs: 5_000,
    allowPrivateImageHosts: true,
    logger: createLogger({ name: 'gateway', level: 'silent' }),
    ...options,
  });
  const close = async () => {
    await gateway.stop();
    await stages[Symbol.asyncDispose]();
  };
  return { ...gateway, stages, [Symbol.asyncDispose]: close };
}

/** Posts a chat request. */
export function post(gateway: Gateway, body: unknown, init: RequestInit = {}): Promise<Response> {
  return postTo(gateway, '/v1/chat/completions', body, init);
}

/** Posts a completion request. */
export function postPrompt(gateway: Gateway, body: unknown, init: RequestInit = {}): Promise<Response> {
  return postTo(gateway, '/v1/completions', body, init);
}

function postTo(gateway: Gateway, path: string, body: unknown, init: RequestInit): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...init,
  });
}

/** The smallest chat request, with additions. */
export function question(additions: object = {}): object {
  return { model: 'pico', messages: [{ role: 'user', content: 'What do we see?' }], ...additions };
}

/** The smallest completion request, with additions. */
export function continuation(additions: object = {}): object {
  return { model: 'pico', prompt: 'We see', ...additions };
}

/** What the language service was asked last. */
export function lastRequest({ stages }: RunningGateway): GenerateRequest {
  const request = stages.generated.at(-1);
  assert.ok(request, 'nothing was generated');
  return request;
}
