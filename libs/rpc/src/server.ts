import { setTimeout as delay } from 'node:timers/promises';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { DiptychError } from '@diptych/errors';
import type { Logger } from '@diptych/telemetry';
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import {
  FORCED_END_MS,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_MESSAGE_BYTES,
  SHUTDOWN_RETRY_MS,
  SLOW_READER_MS,
} from './limits.ts';
import { addReflection } from './reflection.ts';
import { RunningCall, type ServerCall } from './running-call.ts';
import {
  type ServedMethod,
  type StreamHandler,
  serveStream,
  serveUnary,
  type UnaryHandler,
} from './serve-call.ts';
import { serviceDefinition } from './service-definition.ts';
import type { RpcHandlers, RpcService } from './service-types.ts';
import { toStatus } from './wire-errors.ts';

// Failures reach the caller and our own log; grpc-js would write them to standard error once more.
setLogVerbosity(logVerbosity.NONE);

/** How a server is made. */
export interface RpcServerOptions {
  /** Where to listen, `host:port`; port 0 takes a free one. */
  readonly address: string;
  /** Largest message taken and sent, in bytes. Default MAX_MESSAGE_BYTES. */
  readonly maxMessageBytes?: number;
  /** Milliseconds that a reader of a stream may stop; then its call ends with `slow_reader`. Default SLOW_READER_MS. */
  readonly slowReaderMs?: number;
  /** Told of failures that are ours. */
  readonly logger?: Logger;
}

/**
 * A gRPC server of protobuf-es services, without transport security: meant for a private network. Every one
 * answers `grpc.health.v1` and reflection. A handler's DiptychError becomes status and trailers; any other
 * error becomes `internal`, its text is logged and not sent.
 */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #server: Server;
  readonly #services: DescService[] = [];
  readonly #health = new HealthImplementation();
  readonly #calls = new Set<RunningCall>();
  #serving = true;
  #shutdown: Promise<void> | undefined;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    const maxMessageBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    this.#server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': maxMessageBytes,
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    });
  }

  /** Adds a service with its handlers. Before `start`. */
  add<Service extends RpcService>(service: Service, handlers: RpcHandlers<Service>): this {
    // The generated descriptor is a DescService; only its `method` field is typed more narrowly.
    const described = service as unknown as DescService;
    const byName = handlers as Readonly<Record<string, UnaryHandler & StreamHandler>>;
    const served = described.methods.map((method) => {
      const handler = byName[method.localName];
      if (handler === undefined) throw new TypeError(`${described.typeName}.${method.name} has no handler.`);
      return [method.localName, this.#serve(method, handler)] as const;
    });
    this.#server.addService(serviceDefinition(described), Object.fromEntries(served));
    this.#services.push(described);
    return this;
  }

  /** Listens. Health answers SERVING from now on, unless `setServing(false)` came before. */
  async start(): Promise<{ readonly address: string }> {
    this.#health.addToServer(this.#server);
    addReflection(this.#server, this.#services);
    this.setServing(this.#serving);
    const port = await this.#bind();
    return { address: this.#options.address.replace(/:\d+$/, `:${port}`) };
  }

  /** What health answers, for the server and each of its services. */
  setServing(serving: boolean): void {
    this.#serving = serving;
    const status = serving ? 'SERVING' : 'NOT_SERVING';
    for (const name of ['', ...this.#services.map((service) => service.typeName)]) {
      this.#health.setStatus(name, status);
    }
  }

  /** Calls in progress. */
  get activeCalls(): number {
    return this.#calls.size;
  }

  /**
   * Ends the server: health turns NOT_SERVING, new calls get `shutting_down`, running ones may finish within
   * `graceMs`; then their signals abort and connections are closed. Calling it again joins the first call.
   */
  shutdown(graceMs: number): Promise<void> {
    this.#shutdown ??= this.#drain(graceMs);
    return this.#shutdown;
  }

  async #drain(graceMs: number): Promise<void> {
    this.setServing(false);
    await within(graceMs, this.#allEnded());
    for (const call of this.#calls) call.abort(shuttingDown());
    await within(FORCED_END_MS, this.#allEnded());
    // Lets what is already sent arrive; waits for ever on a health watch, so only for a moment.
    await within(FORCED_END_MS, new Promise((resolve) => this.#server.tryShutdown(resolve)));
    this.#server.forceShutdown();
  }

  #allEnded(): Promise<unknown> {
    return Promise.all([...this.#calls].map((call) => call.ended));
  }

  #bind(): Promise<number> {
    const { address } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (cause, port) => {
        if (cause === null) resolve(port);
        else
          reject(
            new DiptychError('configuration_invalid', `Cannot listen on ${address}: ${cause.message}`, {
              cause,
            }),
          );
      });
    });
  }

  #serve(method: DescMethod, handler: UnaryHandler & StreamHandler) {
    const { maxMessageBytes = MAX_MESSAGE_BYTES, slowReaderMs = SLOW_READER_MS, logger } = this.#options;
    const limits = { maxMessageBytes, slowReaderMs };
    const served: ServedMethod<UnaryHandler & StreamHandler> = { method, handler, ...limits, logger };
    if (method.methodKind === 'server_streaming') {
      return (call: ServerWritableStream<Buffer, Buffer>) => {
        const running = this.#begin(call);
        if (running === undefined) call.emit('error', refusal());
        else void serveStream(served, call, running);
      };
    }
    return (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      const running = this.#begin(call);
      if (running === undefined) answer(refusal());
      else void serveUnary(served, call, running, answer);
    };
  }

  #begin(call: ServerCall): RunningCall | undefined {
    if (this.#shutdown !== undefined) return undefined;
    const running = new RunningCall(call);
    this.#calls.add(running);
    void running.ended.then(() => this.#calls.delete(running));
    return running;
  }
}

function shuttingDown(): DiptychError {
  return new DiptychError(
    'shutting_down',
    'This server is shutting down; use another replica or try again.',
    {
      retryAfterMs: SHUTDOWN_RETRY_MS,
    },
  );
}

function refusal() {
  const status = toStatus(shuttingDown());
  return Object.assign(new Error(status.details), status);
}

/** Waits for `work`, but no longer than `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  try {
    await Promise.race([work, delay(ms, undefined, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
