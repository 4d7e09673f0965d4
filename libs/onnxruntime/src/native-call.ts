import { DiptychError } from '@diptych/errors';
import type { Status } from './api.ts';

/** Ends an asynchronous foreign call. */
export type NativeCallback = (error: unknown, status: Status) => void;

/**
 * Awaits a foreign call that runs on a thread of Node's pool (`UV_THREADPOOL_SIZE`, 4 by default), which it occupies
 * until it ends.
 *
 * @throws DiptychError `runtime_failed` where the call cannot be started.
 */
export async function nativeCall(start: (callback: NativeCallback) => void): Promise<Status> {
  try {
    return await new Promise<Status>((resolve, reject) =>
      start((error, status) => {
        if (error === null || error === undefined) resolve(status);
        else reject(new Error('The foreign call failed.', { cause: error }));
      }),
    );
  } catch (cause) {
    throw new DiptychError('runtime_failed', 'ONNX Runtime could not be called on a native thread.', {
      cause,
    });
  }
}
