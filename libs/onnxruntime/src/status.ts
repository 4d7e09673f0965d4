import { DiptychError, type ErrorCode } from '@diptych/errors';
import { api, type Pointer, type PointerCell, type Status } from './api.ts';

/** What ONNX Runtime said about a failed call. */
export interface Failure {
  /** Member of OrtErrorCode. */
  readonly code: number;
  readonly message: string;
}

/** Reads and releases a status; undefined where it says success. */
export function takeFailure(status: Status): Failure | undefined {
  if (status === null) return undefined;
  const failure = { code: api().getErrorCode(status), message: api().getErrorMessage(status).trim() };
  api().releaseStatus(status);
  return failure;
}

/**
 * Releases a status and throws where it reports a failure.
 *
 * @throws DiptychError with ONNX Runtime's own message.
 */
export function check(status: Status, code: ErrorCode = 'runtime_failed'): void {
  const failure = takeFailure(status);
  if (failure !== undefined) throw new DiptychError(code, `ONNX Runtime: ${failure.message}`);
}

/** Calls a native constructor and returns the handle that it made. */
export function create(construct: (out: PointerCell) => Status): Pointer {
  const out: PointerCell = [null];
  check(construct(out));
  return filled(out);
}

/** The pointer in a cell that a successful call filled. */
export function filled([pointer]: PointerCell): Pointer {
  if (pointer === null) throw new DiptychError('runtime_failed', 'ONNX Runtime handed out no object.');
  return pointer;
}
