import { setTimeout as delay } from 'node:timers/promises';
import { DiptychError } from '@diptych/errors';
import type { Client } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import type { CallOptions } from './service-types.ts';

/** What a service says about itself, `unreachable` where nothing answers. */
export type Health = 'serving' | 'not_serving' | 'unreachable';

/** Milliseconds that one health check may take. */
const CHECK_MS = 2_000;

/** Milliseconds between checks while waiting: short against the start of a process. */
const POLL_MS = 50;

/** Asks `grpc.health.v1` about the whole server. */
export function checkHealth(channel: Client, options: CallOptions = {}): Promise<Health> {
  const check = healthService['Check'];
  if (check === undefined) throw new TypeError('grpc-health-check has no method Check.');
  if (options.signal?.aborted === true) return Promise.resolve('unreachable');
  return new Promise((resolve) => {
    const call = channel.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service: '' },
      { deadline: Date.now() + (options.timeoutMs ?? CHECK_MS) },
      (error, response?: { status?: string }) => {
        options.signal?.removeEventListener('abort', cancel);
        if (error !== null) resolve('unreachable');
        else resolve(response?.status === 'SERVING' ? 'serving' : 'not_serving');
      },
    );
    const cancel = () => call.cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
  });
}

/** Waits until the server says that it serves. Throws `stage_unavailable`, or `cancelled` when aborted. */
export async function waitUntilServing(
  channel: Client,
  peer: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const { signal } = options;
  const end = Date.now() + options.timeoutMs;
  let answered = false;
  while (Date.now() < end) {
    if (signal?.aborted === true) throw new DiptychError('cancelled', `Waiting for ${peer} was cancelled.`);
    const health = await checkHealth(channel, { timeoutMs: Math.min(CHECK_MS, end - Date.now()), signal });
    if (health === 'serving') return;
    answered ||= health === 'not_serving';
    await delay(POLL_MS);
  }
  const state = answered ? 'is not ready' : 'does not answer';
  throw new DiptychError('stage_unavailable', `${peer} ${state} after ${options.timeoutMs} ms.`);
}
