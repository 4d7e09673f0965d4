import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
} from '@bufbuild/protobuf';
import { DiptychError } from '@diptych/errors';
import { orAborted } from './call-ends.ts';
import type { RpcClient, RpcClientControls } from './client.ts';
import { LocalCall } from './local-call.ts';
import type { StreamHandler, UnaryHandler } from './serve-call.ts';
import type { CallOptions, RpcHandlers, RpcService } from './service-types.ts';

/** How a client in the same process is made. */
export interface LocalClientOptions {
  /** What the service is called in error messages, for example `vision-service`. Default: its full name. */
  readonly name?: string;
}

/**
 * A client that calls a service's handlers in this process: the same calls, signals, deadlines and errors as over the
 * wire, with nothing encoded, copied or buffered. A stream's handler is asked for its next message when the caller asks
 * for one. Messages are shared: neither side may change one that it sent or got, nor the bytes in it.
 */
export function createLocalClient<Service extends RpcService>(
  service: Service,
  handlers: RpcHandlers<Service>,
  options: LocalClientOptions = {},
): RpcClient<Service> {
  // The generated descriptor is a DescService; only its `method` field is typed more narrowly.
  const described = service as unknown as DescService;
  const byName = handlers as Readonly<Record<string, UnaryHandler & StreamHandler>>;
  const running = new RunningCalls(options.name ?? described.typeName);
  const calls = described.methods.map((method) => {
    const handler = byName[method.localName];
    if (handler === undefined) throw new TypeError(`${described.typeName}.${method.name} has no handler.`);
    const target = { method, handler, running };
    const call =
      method.methodKind === 'unary'
        ? (request: Message, limits?: CallOptions) => callUnary(target, request, limits)
        : (request: Message, limits?: CallOptions) => callStream(target, request, limits);
    return [method.localName, call] as const;
  });
  // One entry for each method of the descriptor that the type is computed from.
  return { ...Object.fromEntries(calls), ...controlsOf(running) } as unknown as RpcClient<Service>;
}

function controlsOf(running: RunningCalls): RpcClientControls {
  return {
    health: () => Promise.resolve(running.closed ? 'unreachable' : 'serving'),
    waitForReady: () => (running.closed ? Promise.reject(running.unavailable()) : Promise.resolve()),
    close: () => running.close(),
    [Symbol.dispose]: () => running.close(),
  };
}

interface Target<Handler> {
  readonly method: DescMethod;
  readonly handler: Handler;
  readonly running: RunningCalls;
}

async function callUnary(
  { method, handler, running }: Target<UnaryHandler>,
  request: Message,
  options: CallOptions = {},
): Promise<Message> {
  using call = running.begin(options);
  try {
    const answer = await orAborted(handler(messageOf(method.input, request), call), call.signal);
    return create(method.output, answer);
  } catch (error) {
    throw call.failure(error);
  }
}

async function* callStream(
  target: Target<StreamHandler>,
  request: Message,
  options: CallOptions = {},
): AsyncGenerator<Message, void, undefined> {
  using call = target.running.begin(options);
  try {
    yield* messages(target, request, call);
  } catch (error) {
    throw call.failure(error);
  }
}

async function* messages({ method, handler }: Target<StreamHandler>, request: Message, call: LocalCall) {
  const answers = handler(messageOf(method.input, request), call)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orAborted(answers.next(), call.signal);
      if (next.done === true) return;
      yield create(method.output, next.value);
    }
  } finally {
    // Not awaited: a handler that ignores its signal would hold the caller. Its failure is nobody's any more.
    answers.return?.().catch(() => undefined);
  }
}

/** The types of handlers are set aside, see UnaryHandler. */
function messageOf(schema: DescMessage, request: Message): never {
  return create(schema, request) as never;
}

/** The calls of one client, to be ended together. */
class RunningCalls {
  readonly #name: string;
  readonly #calls = new Set<LocalCall>();
  #closed = false;

  constructor(name: string) {
    this.#name = name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  begin(options: CallOptions): LocalCall {
    if (this.#closed) throw this.unavailable();
    const call = new LocalCall(options);
    this.#calls.add(call);
    call.signal.addEventListener('abort', () => this.#calls.delete(call), { once: true });
    return call;
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.abort(this.unavailable());
  }

  unavailable(): DiptychError {
    return new DiptychError('stage_unavailable', `${this.#name} is closed.`);
  }
}
