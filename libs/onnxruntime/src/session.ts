import { dirname } from 'node:path';
import { DiptychError } from '@diptych/errors';
import { api, type Pointer, type PointerCell } from './api.ts';
import { Binding } from './binding.ts';
import { environment } from './environment.ts';
import { nativeCall } from './native-call.ts';
import { NativeHandle } from './native-handle.ts';
import { RunOptions } from './run-options.ts';
import { createSessionOptions, type SessionOptions } from './session-options.ts';
import { type Failure, filled, takeFailure } from './status.ts';
import { readInputs, readOutputs, type ValueInfo } from './value-info.ts';

/**
 * A loaded graph. Runs take place on native threads, so the event loop stays free; several may be under way at once,
 * each with a binding of its own.
 */
export class Session implements Disposable {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly #handle: NativeHandle;
  readonly #bindings = new Set<Binding>();

  private constructor(handle: NativeHandle) {
    this.inputs = readInputs(handle.pointer);
    this.outputs = readOutputs(handle.pointer);
    this.#handle = handle;
  }

  /**
   * Loads and optimises an ONNX file and its external data on a native thread.
   *
   * @throws DiptychError `compiled_model_corrupt` where the file is missing or is not a whole ONNX model,
   * `runtime_failed` where ONNX Runtime cannot run it; both with its own message.
   */
  static async load(path: string, options: SessionOptions = {}): Promise<Session> {
    using native = createSessionOptions(options);
    const out: PointerCell = [null];
    const status = await nativeCall((callback) =>
      api().createSession.async(environment(), path, native.pointer, out, callback),
    );
    const failure = takeFailure(status);
    if (failure !== undefined) throw loadError(path, failure);
    return Session.#adopt(filled(out));
  }

  static #adopt(pointer: Pointer): Session {
    const handle = new NativeHandle('session', pointer, (session) => api().releaseSession(session));
    try {
      return new Session(handle);
    } catch (error) {
      handle[Symbol.dispose]();
      throw error;
    }
  }

  /** An empty binding for this session. The session disposes of those that are left when it is disposed of. */
  createBinding(): Binding {
    const binding = new Binding({
      session: this.#handle,
      inputs: this.inputs,
      outputs: this.outputs,
      onDispose: () => this.#bindings.delete(binding),
    });
    this.#bindings.add(binding);
    return binding;
  }

  /**
   * Runs the graph once on a native thread. The tensors of the binding belong to the run until it ends.
   *
   * An abort ends the run after the operator that it is in; what it has written by then stays written. A run that
   * ended before the abort reached it is a whole one.
   *
   * @throws DiptychError `cancelled` after an abort, `runtime_failed` with ONNX Runtime's own message.
   */
  async run(binding: Binding, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    throwIfAborted(signal);
    const session = this.#handle.pointer;
    using lease = binding.lease(this.#handle);
    using options = signal === undefined ? undefined : new RunOptions(signal);
    const status = await nativeCall((callback) =>
      api().runWithBinding.async(session, options?.pointer ?? null, lease.pointer, callback),
    );
    const failure = takeFailure(status);
    if (failure === undefined) return;
    throwIfAborted(signal);
    throw new DiptychError('runtime_failed', `ONNX Runtime: ${failure.message}`);
  }

  /** Forbids further use and frees the native session, at once or when its last run ends. */
  [Symbol.dispose](): void {
    for (const binding of this.#bindings) binding[Symbol.dispose]();
    this.#handle[Symbol.dispose]();
  }
}

/** Members of OrtErrorCode that a load gives where the file is not there or is not a whole model. */
const CORRUPT_MODEL: ReadonlySet<number> = new Set([
  1, // FAIL: parsed, but parts are missing
  3, // NO_SUCHFILE
  4, // NO_MODEL
  7, // INVALID_PROTOBUF
  10, // INVALID_GRAPH
]);

function loadError(path: string, { code, message }: Failure): DiptychError {
  if (!CORRUPT_MODEL.has(code))
    return new DiptychError('runtime_failed', `ONNX Runtime cannot load ${path}: ${message}`);
  return new DiptychError(
    'compiled_model_corrupt',
    `${path} is not a whole ONNX model (${message}). Remove ${dirname(path)}; it is compiled again on the next start.`,
  );
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new DiptychError('cancelled', 'The run was cancelled.', { cause: signal.reason });
}
