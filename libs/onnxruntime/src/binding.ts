import { DiptychError } from '@diptych/errors';
import { api, type Pointer } from './api.ts';
import { NativeHandle } from './native-handle.ts';
import { check, create } from './status.ts';
import type { Tensor } from './tensor.ts';
import type { ValueInfo } from './value-info.ts';

/** What a binding needs of the session that it belongs to. */
export interface BindingOwner {
  readonly session: NativeHandle;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly onDispose: () => void;
}

/**
 * Which tensors a run reads and writes. Bound once, run many times: only the tensors' contents change between runs.
 *
 * One tensor may be bound as an input and as an output, which lets an operator that supports it (GroupQueryAttention
 * with its KV cache) write in place. Outputs that are not bound are not computed. Bound tensors stay referenced.
 */
export class Binding implements Disposable {
  readonly #owner: BindingOwner;
  readonly #handle: NativeHandle;
  readonly #inputs = new Map<string, Tensor>();
  readonly #outputs = new Map<string, Tensor>();
  #running = false;

  /** Made by `Session.createBinding`. Keeps the native session alive until the native binding is released. */
  constructor(owner: BindingOwner) {
    this.#owner = owner;
    const pointer = create((out) => api().createIoBinding(owner.session.pointer, out));
    const use = owner.session.use();
    this.#handle = new NativeHandle('binding', pointer, (binding) => {
      api().releaseIoBinding(binding);
      use[Symbol.dispose]();
    });
  }

  /**
   * Binds a tensor as an input, in place of the one that was bound before.
   *
   * @throws DiptychError `runtime_failed` where the graph has no such input, something was disposed of, or a run
   * is under way.
   */
  bindInput(name: string, tensor: Tensor): void {
    this.#assertIdle();
    assertNamed('input', name, this.#owner.inputs);
    check(api().bindInput(this.#handle.pointer, name, tensor.pointer));
    this.#inputs.set(name, tensor);
  }

  /**
   * Binds a tensor as an output. Its shape is the one that the run must produce.
   *
   * @throws DiptychError `runtime_failed` where the graph has no such output, something was disposed of, or a run
   * is under way.
   */
  bindOutput(name: string, tensor: Tensor): void {
    this.#assertIdle();
    assertNamed('output', name, this.#owner.outputs);
    check(api().bindOutput(this.#handle.pointer, name, tensor.pointer));
    this.#outputs.set(name, tensor);
  }

  /**
   * Reserves the binding for one run of its session, until the returned lease is disposed of. For `Session.run`.
   *
   * @throws DiptychError `runtime_failed` where the binding cannot run.
   */
  lease(session: NativeHandle): Disposable & { readonly pointer: Pointer } {
    if (session !== this.#owner.session) throw misuse('The binding belongs to another session.');
    this.#assertIdle();
    for (const tensors of [this.#inputs, this.#outputs])
      for (const tensor of tensors.values()) tensor.assertUsable();
    const { pointer } = this.#handle;
    const use = this.#handle.use();
    this.#running = true;
    return { pointer, [Symbol.dispose]: () => this.#endRun(use) };
  }

  /** Releases the native binding, at once or when the run that is under way ends. */
  [Symbol.dispose](): void {
    this.#handle[Symbol.dispose]();
    this.#owner.onDispose();
  }

  #endRun(use: Disposable): void {
    this.#running = false;
    use[Symbol.dispose]();
  }

  #assertIdle(): void {
    if (this.#running)
      throw misuse('The binding is in a run already; runs at the same time need bindings of their own.');
  }
}

/** Checked here because an unknown name leaves the native binding in a state in which later calls fail too. */
function assertNamed(kind: 'input' | 'output', name: string, values: readonly ValueInfo[]): void {
  if (values.some((value) => value.name === name)) return;
  const known = values.map((value) => value.name).join(', ');
  throw misuse(`The graph has no ${kind} ${name}; it has ${known}.`);
}

function misuse(message: string): DiptychError {
  return new DiptychError('runtime_failed', message);
}
