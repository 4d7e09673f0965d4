import { once } from 'node:events';
import type { DescMethod } from '@bufbuild/protobuf';
import { DiptychError, toDiptychError } from '@diptych/errors';
import type { Logger } from '@diptych/telemetry';
import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { orAborted } from './call-ends.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import type { RunningCall } from './running-call.ts';
import type { CallContext } from './service-types.ts';
import { toStatus } from './wire-errors.ts';

/** A unary method's handler with its types set aside; RpcServer.add checks them. */
export type UnaryHandler = (request: never, call: CallContext) => Promise<AnyInit>;

/** A streaming method's handler with its types set aside. */
export type StreamHandler = (request: never, call: CallContext) => AsyncIterable<AnyInit>;

type AnyInit = Record<string, unknown>;

/** What serving a method takes. */
export interface ServedMethod<Handler> {
  readonly method: DescMethod;
  readonly handler: Handler;
  readonly maxMessageBytes: number;
  readonly slowReaderMs: number;
  readonly logger: Logger | undefined;
}

/** Answers a unary call. Never rejects: every failure becomes the call's status. */
export async function serveUnary(
  served: ServedMethod<UnaryHandler>,
  call: ServerUnaryCall<Buffer, Buffer>,
  running: RunningCall,
  answer: sendUnaryData<Buffer>,
): Promise<void> {
  try {
    running.signal.throwIfAborted();
    const request = decodeMessage(served.method.input, call.request);
    const response = await served.handler(request as never, running);
    answer(null, encodeMessage(served.method.output, response, served.maxMessageBytes));
  } catch (error) {
    answer(statusOf(error, served, running));
  } finally {
    running.end();
  }
}

/** Answers a call with a stream. Never rejects: every failure becomes the call's status. */
export async function serveStream(
  served: ServedMethod<StreamHandler>,
  call: ServerWritableStream<Buffer, Buffer>,
  running: RunningCall,
): Promise<void> {
  call.once('finish', () => running.end());
  try {
    running.signal.throwIfAborted();
    const request = decodeMessage(served.method.input, call.request);
    const responses = served.handler(request as never, running);
    await writeAll(served, call, responses, running.signal);
    call.end();
  } catch (error) {
    // grpc-js ends the call with the status of an emitted error, after what is already written.
    call.emit('error', statusOf(error, served, running));
  }
}

/**
 * Writes messages as fast as the peer reads them: grpc-js queues at most 16, then the iterator waits, up to the
 * patience with slow readers. The iterator is returned whatever happens.
 */
async function writeAll(
  served: ServedMethod<unknown>,
  call: ServerWritableStream<Buffer, Buffer>,
  responses: AsyncIterable<AnyInit>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = responses[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orAborted(iterator.next(), signal);
      if (next.done === true) return;
      const bytes = encodeMessage(served.method.output, next.value, served.maxMessageBytes);
      if (!call.write(bytes)) await drained(call, signal, served.slowReaderMs);
    }
  } finally {
    // Not awaited: a handler that ignores its signal would hold the call open.
    iterator.return?.().catch((error: unknown) => report(error, served));
  }
}

/** Waits until the peer has read enough for the next message. Throws `slow_reader`, or the signal's reason. */
async function drained(call: ServerWritableStream<Buffer, Buffer>, signal: AbortSignal, patienceMs: number) {
  const patience = AbortSignal.timeout(patienceMs);
  try {
    await once(call, 'drain', { signal: AbortSignal.any([signal, patience]) });
  } catch (error) {
    signal.throwIfAborted();
    if (!patience.aborted) throw error;
    throw new DiptychError('slow_reader', `The stream was not read for ${patienceMs} ms.`);
  }
}

function statusOf(error: unknown, served: ServedMethod<unknown>, running: RunningCall) {
  const failure = running.failure(error);
  report(failure, served);
  const status = toStatus(toDiptychError(failure));
  return Object.assign(new Error(status.details), status);
}

/** Logs what is our fault; what a caller did is told to the caller alone. */
function report(error: unknown, served: ServedMethod<unknown>): void {
  const coded = toDiptychError(error);
  const ours = coded.entry.grpc === 'INTERNAL' || coded.entry.grpc === 'DATA_LOSS';
  const line = { method: served.method.name, code: coded.code, err: coded.cause ?? coded };
  if (ours) served.logger?.error(line, 'a call failed');
}
