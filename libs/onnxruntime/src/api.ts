import { DiptychError } from '@diptych/errors';
import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';
import { libraryPath } from './library.ts';

/** Address of a native object or function. */
export type Pointer = bigint;

/** One cell that a native function fills with a pointer. */
export type PointerCell = [Pointer | null];

/** One cell that a native function fills with a number. */
export type NumberCell = [number];

/** Null on success, else the address of an OrtStatus that the caller releases. */
export type Status = Pointer | null;

/** The functions of ONNX Runtime's C API that are in use, each also callable on a native thread by `.async`. */
export type Api = {
  readonly [Name in keyof typeof FUNCTIONS]: KoffiFunc<NonNullable<(typeof FUNCTIONS)[Name]['type']>>;
};

/**
 * Version of the C API whose table is asked for. Every later library serves it (ONNX Runtime 1.22 and up).
 */
const API_VERSION = 22;

/**
 * Stack of a native thread during an asynchronous call. koffi runs the callee on a stack of its own, by default
 * 128 KiB: too little for loading a graph, where optimisers recurse and use std::regex. 8 MiB is what a thread has
 * by default on Linux; pages that are never touched cost nothing.
 */
const ASYNC_STACK_BYTES = 8 * 1024 * 1024;

/** ORTCHAR_T: paths are UTF-16 on Windows, UTF-8 elsewhere. */
const PATH = process.platform === 'win32' ? 'str16' : 'str';

const STATUS = 'void *';
const HANDLE = 'void *';
const OUT_HANDLE = '_Out_ void **';

/**
 * The entries of `struct OrtApi` in onnxruntime_c_api.h that are in use. The table is append-only, so an entry's index
 * is the same in every version; the library asserts some of them itself (ReleaseCustomOpDomain is 101, SetGlobalSpinControl
 * is 149).
 */
const FUNCTIONS = {
  getErrorCode: entry<(status: Pointer) => number>(1, 'int', [STATUS]),
  getErrorMessage: entry<(status: Pointer) => string>(2, 'str', [STATUS]),
  createEnv: entry<(level: number, id: string, out: PointerCell) => Status>(3, STATUS, [
    'int',
    'str',
    OUT_HANDLE,
  ]),
  disableTelemetryEvents: entry<(env: Pointer) => Status>(6, STATUS, [HANDLE]),
  createSession: entry<(env: Pointer, path: string, options: Pointer, out: PointerCell) => Status>(
    7,
    STATUS,
    [HANDLE, PATH, HANDLE, OUT_HANDLE],
  ),
  createSessionOptions: entry<(out: PointerCell) => Status>(10, STATUS, [OUT_HANDLE]),
  enableProfiling: entry<(options: Pointer, prefix: string) => Status>(14, STATUS, [HANDLE, PATH]),
  setSessionGraphOptimizationLevel: entry<(options: Pointer, level: number) => Status>(23, STATUS, [
    HANDLE,
    'int',
  ]),
  setIntraOpNumThreads: entry<(options: Pointer, threads: number) => Status>(24, STATUS, [HANDLE, 'int']),
  sessionGetInputCount: entry<(session: Pointer, out: NumberCell) => Status>(30, STATUS, [
    HANDLE,
    '_Out_ size_t *',
  ]),
  sessionGetOutputCount: entry<(session: Pointer, out: NumberCell) => Status>(31, STATUS, [
    HANDLE,
    '_Out_ size_t *',
  ]),
  sessionGetInputTypeInfo: entry<TypeInfoGetter>(33, STATUS, [HANDLE, 'size_t', OUT_HANDLE]),
  sessionGetOutputTypeInfo: entry<TypeInfoGetter>(34, STATUS, [HANDLE, 'size_t', OUT_HANDLE]),
  sessionGetInputName: entry<NameGetter>(36, STATUS, [HANDLE, 'size_t', HANDLE, OUT_HANDLE]),
  sessionGetOutputName: entry<NameGetter>(37, STATUS, [HANDLE, 'size_t', HANDLE, OUT_HANDLE]),
  createRunOptions: entry<(out: PointerCell) => Status>(39, STATUS, [OUT_HANDLE]),
  runOptionsSetTerminate: entry<(options: Pointer) => Status>(46, STATUS, [HANDLE]),
  createTensorWithDataAsOrtValue: entry<CreateTensor>(49, STATUS, [
    HANDLE,
    HANDLE,
    'size_t',
    'const int64_t *',
    'size_t',
    'int',
    OUT_HANDLE,
  ]),
  castTypeInfoToTensorInfo: entry<(info: Pointer, out: PointerCell) => Status>(55, STATUS, [
    HANDLE,
    OUT_HANDLE,
  ]),
  getTensorElementType: entry<(info: Pointer, out: NumberCell) => Status>(60, STATUS, [
    HANDLE,
    '_Out_ int *',
  ]),
  createCustomOpDomain: entry<(domain: string, out: PointerCell) => Status>(26, STATUS, ['str', OUT_HANDLE]),
  customOpDomainAdd: entry<(domain: Pointer, operator: Pointer) => Status>(27, STATUS, [HANDLE, HANDLE]),
  addCustomOpDomain: entry<(options: Pointer, domain: Pointer) => Status>(28, STATUS, [HANDLE, HANDLE]),
  getDimensionsCount: entry<(info: Pointer, out: NumberCell) => Status>(61, STATUS, [
    HANDLE,
    '_Out_ size_t *',
  ]),
  getDimensions: entry<(info: Pointer, out: BigInt64Array, count: number) => Status>(62, STATUS, [
    HANDLE,
    '_Out_ int64_t *',
    'size_t',
  ]),
  getSymbolicDimensions: entry<(info: Pointer, out: BigUint64Array, count: number) => Status>(63, STATUS, [
    HANDLE,
    'void *',
    'size_t',
  ]),
  createMemoryInfo: entry<
    (name: string, allocator: number, device: number, memory: number, out: PointerCell) => Status
  >(68, STATUS, ['str', 'int', 'int', 'int', OUT_HANDLE]),
  allocatorFree: entry<(allocator: Pointer, memory: Pointer) => Status>(76, STATUS, [HANDLE, HANDLE]),
  getAllocatorWithDefaultOptions: entry<(out: PointerCell) => Status>(78, STATUS, [OUT_HANDLE]),
  releaseStatus: entry<Release>(93, 'void', [HANDLE]),
  releaseSession: entry<Release>(95, 'void', [HANDLE]),
  releaseValue: entry<Release>(96, 'void', [HANDLE]),
  releaseRunOptions: entry<Release>(97, 'void', [HANDLE]),
  releaseTypeInfo: entry<Release>(98, 'void', [HANDLE]),
  releaseSessionOptions: entry<Release>(100, 'void', [HANDLE]),
  addSessionConfigEntry: entry<(options: Pointer, key: string, value: string) => Status>(130, STATUS, [
    HANDLE,
    'str',
    'str',
  ]),
  runWithBinding: entry<(session: Pointer, options: Pointer | null, binding: Pointer) => Status>(
    133,
    STATUS,
    [HANDLE, HANDLE, HANDLE],
  ),
  createIoBinding: entry<(session: Pointer, out: PointerCell) => Status>(134, STATUS, [HANDLE, OUT_HANDLE]),
  releaseIoBinding: entry<Release>(135, 'void', [HANDLE]),
  bindInput: entry<BindValue>(136, STATUS, [HANDLE, 'str', HANDLE]),
  bindOutput: entry<BindValue>(137, STATUS, [HANDLE, 'str', HANDLE]),
  updateEnvWithCustomLogLevel: entry<(env: Pointer, level: number) => Status>(226, STATUS, [HANDLE, 'int']),
} as const;

type Release = (handle: Pointer) => void;
type TypeInfoGetter = (session: Pointer, index: number, out: PointerCell) => Status;
type NameGetter = (session: Pointer, index: number, allocator: Pointer, out: PointerCell) => Status;
type BindValue = (binding: Pointer, name: string, value: Pointer) => Status;
type CreateTensor = (
  memory: Pointer,
  data: Pointer,
  bytes: number,
  shape: BigInt64Array,
  rank: number,
  type: number,
  out: PointerCell,
) => Status;

interface Entry<F> {
  readonly index: number;
  readonly result: string;
  readonly parameters: readonly string[];
  /** Never set: carries the TypeScript signature of the entry. */
  readonly type?: F;
}

/** The entries that an operator's own code calls, by their place in `struct OrtApi`. */
const KERNEL_FUNCTIONS = {
  getTensorMutableData: 51,
  getDimensionsCount: 61,
  getDimensions: 62,
  getTensorTypeAndShape: 65,
  kernelContextGetInput: 90,
  kernelContextGetOutput: 91,
  releaseTensorTypeAndShapeInfo: 99,
  kernelContextParallelFor: 274,
} as const;

/** Addresses of the functions that an operator's own code calls. */
export type KernelFunctions = Readonly<Record<keyof typeof KERNEL_FUNCTIONS, Pointer>>;

/** `library` is kept because koffi unloads a library that nothing refers to, under the functions of its table. */
let loaded:
  | { readonly library: LibraryHandle; readonly api: Api; readonly kernelFunctions: KernelFunctions }
  | undefined;

/**
 * The C API, loaded on first use and kept for the life of the process.
 *
 * @throws DiptychError `runtime_failed` where the library cannot be loaded or is too old.
 */
export function api(): Api {
  loaded ??= load();
  return loaded.api;
}

/** Where the functions are that an operator's own code calls, loaded as by `api`. */
export function kernelFunctions(): KernelFunctions {
  loaded ??= load();
  return loaded.kernelFunctions;
}

function load(): NonNullable<typeof loaded> {
  koffi.config({ async_stack_size: ASYNC_STACK_BYTES });
  const library = openLibrary();
  const table = apiTable(library);
  return { library, api: bindFunctions(table), kernelFunctions: findKernelFunctions(table) };
}

function findKernelFunctions(table: Pointer): KernelFunctions {
  const found = Object.entries(KERNEL_FUNCTIONS).map(([name, index]) => [name, entryOf(table, index)]);
  return Object.fromEntries(found) as KernelFunctions;
}

function entryOf(table: Pointer, index: number): unknown {
  return koffi.decode(table, index * koffi.sizeof('void *'), 'void *');
}

function bindFunctions(table: Pointer): Api {
  const bound = Object.entries(FUNCTIONS).map(([name, { index, result, parameters }]) => {
    const callable: unknown = koffi.decode(entryOf(table, index), koffi.proto(result, [...parameters]));
    return [name, callable];
  });
  // A foreign function has no type to check: the signatures above are the header's, and the specs call each of them.
  return Object.fromEntries(bound) as Api;
}

function openLibrary(): LibraryHandle {
  const path = libraryPath();
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new DiptychError('runtime_failed', `ONNX Runtime cannot be loaded from ${path}.`, { cause });
  }
}

/** `OrtGetApiBase()->GetApi(API_VERSION)`. */
function apiTable(library: LibraryHandle): Pointer {
  const base: unknown = library.func('OrtGetApiBase', 'void *', [])();
  const getApi: unknown = koffi.decode(base, 'void *');
  const table: unknown = koffi.call(getApi, koffi.proto('void *', ['uint32_t']), API_VERSION);
  if (typeof table === 'bigint') return table;
  throw new DiptychError(
    'runtime_failed',
    `This ONNX Runtime does not serve version ${API_VERSION} of its C API; install onnxruntime-node 1.22 or later.`,
  );
}

function entry<F>(index: number, result: string, parameters: readonly string[]): Entry<F> {
  return { index, result, parameters };
}
