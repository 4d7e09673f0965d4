import { DiptychError } from '@diptych/errors';

/** A field of a gRPC request that is wrong. `message` goes after its path. */
export function invalid(param: string, message: string): DiptychError {
  return new DiptychError('invalid_parameter', `${param} ${message}.`, { param });
}
