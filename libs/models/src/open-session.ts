import { operatorsFor } from '@diptych/kernels';
import { operatorsOf } from '@diptych/onnx-graph';
import { Session, type SessionOptions } from '@diptych/onnxruntime';

/**
 * Loads a compiled graph, with code of our own for those of its operators that this processor has some for.
 *
 * @throws DiptychError `compiled_model_corrupt` or `runtime_failed`, as `Session.load`.
 */
export async function openSession(
  graphPath: string,
  options: Omit<SessionOptions, 'operators'> = {},
): Promise<Session> {
  return Session.load(graphPath, { ...options, operators: operatorsFor(await operatorsOf(graphPath)) });
}
