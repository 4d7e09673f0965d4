import type { DescMessage, DescMethod, DescService, Message, MessageShape } from '@bufbuild/protobuf';
import { DiptychError } from '@diptych/errors';
import {
  Client,
  type ClientReadableStream,
  credentials,
  type CallOptions as GrpcCallOptions,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { cancellation, endOf } from './call-ends.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { checkHealth, type Health, waitUntilServing } from './health.ts';
import {
  FIRST_RECONNECT_MS,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  LONGEST_RECONNECT_MS,
  MAX_MESSAGE_BYTES,
} from './limits.ts';
import { methodDefinition } from './service-definition.ts';
import type { CallOptions, RpcCalls, RpcService } from './service-types.ts';
import { fromStatus } from './wire-errors.ts';

/** How a client is made. */
export interface RpcClientOptions {
  /** Where the service listens, `host:port`. */
  readonly address: string;
  /** What the service is called in error messages, for example `vision-service`. Default: its full name. */
  readonly name?: string;
  /** Largest message taken and sent, in bytes. Default MAX_MESSAGE_BYTES. */
  readonly maxMessageBytes?: number;
}

/** What every client offers besides its service's methods. */
export interface RpcClientControls extends Disposable {
  /** What the service says about its health; never throws. */
  health(options?: CallOptions): Promise<Health>;
  /** Waits until the service is serving. Throws `stage_unavailable` after `timeoutMs`, or when aborted. */
  waitForReady(options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<void>;
  /** Closes the connection; running calls fail. */
  close(): void;
}

/** A typed client of a service: one function for each method, and the controls. */
export type RpcClient<Service extends RpcService> = RpcCalls<Service> & RpcClientControls;

/**
 * A client of one service at one address. It connects when it is first used and again after a failure; calls
 * meanwhile fail at once with `stage_unavailable`. Every failure is a DiptychError: the service's own, or
 * `stage_unavailable`, `stream_interrupted` (a stream that had begun), `deadline_exceeded`, `cancelled`,
 * `request_too_large`.
 */
export function createClient<Service extends RpcService>(
  service: Service,
  options: RpcClientOptions,
): RpcClient<Service> {
  // The generated descriptor is a DescService; only its `method` field is typed more narrowly.
  const described = service as unknown as DescService;
  const channel = connect(options);
  const peer = `${options.name ?? described.typeName} at ${options.address}`;
  const maxMessageBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  const running = new Set<Cancellable>();
  let closed = false;
  const calls = described.methods.map((method) => {
    const target: Target = { channel, method, peer, maxMessageBytes, running, isClosed: () => closed };
    const call =
      method.methodKind === 'unary'
        ? (request: Message, limits?: CallOptions) => callUnary(target, request, limits)
        : (request: Message, limits?: CallOptions) => callStream(target, request, limits);
    return [method.localName, call] as const;
  });
  const close = () => {
    closed = true;
    for (const call of running) call.cancel();
    channel.close();
  };
  const controls: RpcClientControls = {
    health: (limits) => (closed ? Promise.resolve('unreachable') : checkHealth(channel, limits)),
    waitForReady: (limits) => waitUntilServing(channel, peer, limits),
    close,
    [Symbol.dispose]: close,
  };
  // One entry for each method of the descriptor that the type is computed from.
  return { ...Object.fromEntries(calls), ...controls } as unknown as RpcClient<Service>;
}

interface Cancellable {
  cancel(): void;
}

interface Target {
  readonly channel: Client;
  readonly method: DescMethod;
  readonly peer: string;
  readonly maxMessageBytes: number;
  /** Calls in progress: closing a channel leaves them as they are. */
  readonly running: Set<Cancellable>;
  readonly isClosed: () => boolean;
}

function connect(options: RpcClientOptions): Client {
  const maxMessageBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  return new Client(options.address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS,
    'grpc.max_reconnect_backoff_ms': LONGEST_RECONNECT_MS,
    // Stages are reached directly, whatever proxy the environment names for the web.
    'grpc.enable_http_proxy': 0,
    // Clients of one process share no connection, so that one's failures and closing stay its own.
    'grpc.use_local_subchannel_pool': 1,
  });
}

function callUnary(
  target: Target,
  request: Message,
  options: CallOptions = {},
): Promise<MessageShape<DescMessage>> {
  const { method, channel } = target;
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(cancellation(signal));
    if (target.isClosed()) return reject(closedHere(target));
    const bytes = encodeMessage(method.input, request, target.maxMessageBytes);
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
    const limits = grpcOptions(options);
    const call = channel.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bytes,
      new Metadata(),
      limits,
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        target.running.delete(call);
        if (error !== null) return reject(failure(error, target, signal, false));
        try {
          resolve(decodeAnswer(target, response));
        } catch (cause) {
          reject(cause instanceof Error ? cause : new Error(String(cause)));
        }
      },
    );
    const cancel = () => call.cancel();
    target.running.add(call);
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

async function* callStream(
  target: Target,
  request: Message,
  options: CallOptions = {},
): AsyncGenerator<MessageShape<DescMessage>, void, undefined> {
  const { signal } = options;
  if (signal?.aborted === true) throw cancellation(signal);
  if (target.isClosed()) throw closedHere(target);
  const call = startStream(target, request, options);
  const cancel = () => call.cancel();
  target.running.add(call);
  signal?.addEventListener('abort', cancel, { once: true });
  let began = false;
  try {
    for await (const bytes of call) {
      began = true;
      yield decodeAnswer(target, Buffer.isBuffer(bytes) ? bytes : undefined);
    }
  } catch (error) {
    throw isServiceError(error) ? failure(error, target, signal, began) : error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    target.running.delete(call);
    call.cancel();
  }
}

function startStream(target: Target, request: Message, options: CallOptions): ClientReadableStream<Buffer> {
  const { method, channel } = target;
  const bytes = encodeMessage(method.input, request, target.maxMessageBytes);
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
  const limits = grpcOptions(options);
  const call = channel.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    bytes,
    new Metadata(),
    limits,
  );
  // The iteration reports errors; those after its end (the cancellation that ends it) are nobody's.
  call.on('error', () => undefined);
  return call;
}

function decodeAnswer(target: Target, bytes: Buffer | undefined): MessageShape<DescMessage> {
  try {
    return decodeMessage(target.method.output, bytes ?? Buffer.alloc(0));
  } catch (cause) {
    throw new DiptychError('internal', `${target.peer} sent an answer that cannot be read.`, { cause });
  }
}

function grpcOptions(options: CallOptions): GrpcCallOptions {
  const deadline = endOf(options);
  return Number.isFinite(deadline) ? { deadline } : {};
}

function failure(
  error: ServiceError,
  target: Target,
  signal: AbortSignal | undefined,
  began: boolean,
): DiptychError {
  if (signal?.aborted === true) return cancellation(signal);
  if (target.isClosed()) return closedHere(target);
  const method = `${target.method.parent.typeName}.${target.method.name}`;
  return fromStatus(error, { peer: target.peer, method, began });
}

function closedHere({ peer }: Target): DiptychError {
  return new DiptychError('stage_unavailable', `The connection to ${peer} was closed here.`);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}
