import { api, type Pointer } from './api.ts';
import { byteProductsOverflowHere } from './byte-products.ts';
import { NativeHandle } from './native-handle.ts';
import { addOperators, type Operator } from './operator.ts';
import { check, create } from './status.ts';

/** How a session uses the machine, and how far it rewrites its graph. */
export interface SessionOptions {
  /** Threads that one operator may use, the calling one included. Default: one for each physical core. */
  readonly intraOpThreads?: number;
  /**
   * Whether worker threads burn cycles while they wait for the next operator. Faster alone, slower where several
   * sessions or processes share the cores. Default: ONNX Runtime's, which is true.
   */
  readonly allowSpinning?: boolean;
  /** How far the graph is rewritten when it is loaded. Default `all`. */
  readonly graphOptimization?: 'none' | 'basic' | 'extended' | 'all';
  /**
   * Beginning of the path of ONNX Runtime's own profile: how long each node of each run took, as a JSON trace. A
   * timestamp and `.json` follow. The file is whole once the session was disposed of; runs take longer meanwhile.
   */
  readonly profilePrefix?: string | undefined;
  /** Operators of ours that the graph may name; ONNX Runtime's own take the place of those that are not given. */
  readonly operators?: readonly Operator[];
}

/** GraphOptimizationLevel. */
const GRAPH_OPTIMIZATION = { none: 0, basic: 1, extended: 2, all: 99 } as const;

/** A native OrtSessionOptions, owned by the caller. */
export function createSessionOptions(options: SessionOptions): NativeHandle {
  const handle = new NativeHandle(
    'session options object',
    create((out) => api().createSessionOptions(out)),
    (pointer) => api().releaseSessionOptions(pointer),
  );
  try {
    configure(handle.pointer, options);
    return handle;
  } catch (error) {
    handle[Symbol.dispose]();
    throw error;
  }
}

function configure(pointer: Pointer, options: SessionOptions): void {
  const { intraOpThreads, allowSpinning, graphOptimization = 'all', profilePrefix, operators = [] } = options;
  check(api().setSessionGraphOptimizationLevel(pointer, GRAPH_OPTIMIZATION[graphOptimization]));
  // Exact products give the same bits at less than half the speed, also on processors that do not need them.
  if (byteProductsOverflowHere())
    check(api().addSessionConfigEntry(pointer, 'session.x64quantprecision', '1'));
  if (intraOpThreads !== undefined) check(api().setIntraOpNumThreads(pointer, intraOpThreads));
  if (allowSpinning !== undefined)
    check(api().addSessionConfigEntry(pointer, 'session.intra_op.allow_spinning', allowSpinning ? '1' : '0'));
  addOperators(pointer, operators);
  if (profilePrefix !== undefined) check(api().enableProfiling(pointer, profilePrefix));
}
