import { CATALOGUE, type CatalogueEntry, type ErrorCode } from './catalogue.ts';

/** What an error carries besides its code and message. */
export interface ErrorOptions {
  /** Request field or flag at fault, for example `messages[0].content[1].image_url`. */
  readonly param?: string;
  /** Milliseconds after which a retry may succeed. */
  readonly retryAfterMs?: number;
  /** The error underneath, for logs. Never sent to a caller. */
  readonly cause?: unknown;
}

/**
 * A failure with a code of the catalogue. The message says what was wrong, what was expected and what to do;
 * it is sent to the caller, so it never holds secrets.
 */
export class DiptychError extends Error {
  override readonly name = 'DiptychError';
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.param = options.param;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The row of the catalogue: statuses, summary and remedy. */
  get entry(): CatalogueEntry {
    return CATALOGUE[this.code];
  }
}

/** True for a code of the catalogue. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CATALOGUE, value);
}

/** The error itself where it is coded, else an `internal` error that hides its text and keeps it as cause. */
export function toDiptychError(error: unknown): DiptychError {
  if (error instanceof DiptychError) return error;
  return new DiptychError('internal', CATALOGUE.internal.summary, { cause: error });
}
