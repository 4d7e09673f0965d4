import { DiptychError } from '@diptych/errors';
import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { LONGEST_TIMER_MS } from './limits.ts';
import type { CallContext } from './service-types.ts';

/** A grpc-js call as the server sees it, unary or streaming its answer. */
export type ServerCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** One call in progress: joins its ends (client, deadline, shutdown) into one signal. */
export class RunningCall implements CallContext {
  readonly deadline: Date | undefined;
  /** Settles once nothing more is sent on this call. */
  readonly ended: Promise<void>;
  readonly #controller = new AbortController();
  readonly #settle: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: ServerCall) {
    this.deadline = deadlineOf(call);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.ended = promise;
    this.#settle = () => resolve(undefined);
    this.#watchDeadline();
    call.on('cancelled', () => {
      this.abort(new DiptychError('cancelled', 'The caller cancelled.'));
      this.end();
    });
    if (call.cancelled) this.abort(new DiptychError('cancelled', 'The caller cancelled.'));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: DiptychError): void {
    this.#controller.abort(this.#isLate() ? deadlinePassed() : reason);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#settle();
  }

  /** The error to send: where the call was aborted, what follows from that is told by its reason. */
  failure(error: unknown): unknown {
    const follows = !(error instanceof DiptychError) || error.code === 'cancelled';
    return this.signal.aborted && follows ? this.signal.reason : error;
  }

  /** grpc-js's own deadline does not reach the handler while a reader that has stopped blocks the stream. */
  #watchDeadline(): void {
    if (this.deadline === undefined) return;
    const left = Math.max(0, this.deadline.getTime() - Date.now());
    if (left > LONGEST_TIMER_MS) return;
    this.#timer = setTimeout(() => this.abort(deadlinePassed()), left);
  }

  #isLate(): boolean {
    return this.deadline !== undefined && this.deadline.getTime() <= Date.now();
  }
}

function deadlinePassed(): DiptychError {
  return new DiptychError('deadline_exceeded', 'The deadline of the call passed.');
}

function deadlineOf(call: ServerCall): Date | undefined {
  const deadline = call.getDeadline();
  if (deadline instanceof Date) return deadline;
  return Number.isFinite(deadline) ? new Date(deadline) : undefined;
}
