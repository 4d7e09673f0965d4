import { DiptychError, isErrorCode } from '@diptych/errors';
import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { MAX_ERROR_CHARACTERS } from './limits.ts';

const CODE = 'diptych-error-code';
const PARAM = 'diptych-error-param';
const RETRY_AFTER = 'retry-after-ms';

/** The status and trailers of a coded error. Its cause stays here. */
export function toStatus(error: DiptychError): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE, error.code);
  // Percent-encoded, as trailers are ASCII and a field's path may quote what a caller wrote.
  if (error.param !== undefined) metadata.set(PARAM, encodeURI(sendable(error.param)));
  if (error.retryAfterMs !== undefined) metadata.set(RETRY_AFTER, String(Math.ceil(error.retryAfterMs)));
  return { code: status[error.entry.grpc], details: sendable(error.message), metadata };
}

/** Where a failed call went and how far it came. */
export interface FailedCall {
  /** Who was called, for example `vision-service at 127.0.0.1:50051`. */
  readonly peer: string;
  /** Full name of the method. */
  readonly method: string;
  /** True once a message of the answer had arrived. */
  readonly began: boolean;
}

/** The coded error behind a failed call: the peer's own where it sent one, else what the transport tells. */
export function fromStatus(error: ServiceError, call: FailedCall): DiptychError {
  const code = trailer(error.metadata, CODE);
  if (isErrorCode(code)) return peerError(error, code);
  const { peer, method, began } = call;
  switch (error.code) {
    case status.DEADLINE_EXCEEDED:
      return new DiptychError('deadline_exceeded', `${peer} did not finish before the deadline.`, {
        cause: error,
      });
    case status.RESOURCE_EXHAUSTED:
      return new DiptychError(
        'request_too_large',
        `${peer} and this process could not exchange a message of this size: ${error.details}; send fewer or smaller images.`,
        { cause: error },
      );
    case status.UNIMPLEMENTED:
      return new DiptychError('stage_unavailable', `${peer} does not offer ${method}: check its address.`, {
        cause: error,
      });
    case status.UNAVAILABLE:
    case status.CANCELLED:
    case status.INTERNAL:
      return connectionError(error, peer, began);
    default:
      return new DiptychError('internal', `${peer} failed with gRPC status ${error.code}.`, { cause: error });
  }
}

function peerError(error: ServiceError, code: DiptychError['code']): DiptychError {
  const param = trailer(error.metadata, PARAM);
  const retryAfter = Number(trailer(error.metadata, RETRY_AFTER));
  return new DiptychError(code, error.details, {
    cause: error,
    ...(param === undefined ? {} : { param: decodeParam(param) }),
    ...(retryAfter > 0 ? { retryAfterMs: retryAfter } : {}),
  });
}

/** A lost connection: our servers code every other failure, so an uncoded one comes from the transport. */
function connectionError(error: ServiceError, peer: string, began: boolean): DiptychError {
  return began
    ? new DiptychError(
        'stream_interrupted',
        `${peer} stopped in the middle of its answer; send the request again.`,
        {
          cause: error,
        },
      )
    : new DiptychError('stage_unavailable', `${peer} does not answer; check that it is running.`, {
        cause: error,
      });
}

function trailer(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}

function decodeParam(param: string): string {
  try {
    return decodeURI(param);
  } catch {
    return param;
  }
}

/** Text that fits a header: well-formed, as grpc-js percent-encodes it, and short. */
function sendable(text: string): string {
  const cut = text.length > MAX_ERROR_CHARACTERS ? `${text.slice(0, MAX_ERROR_CHARACTERS)}…` : text;
  return cut.toWellFormed();
}
