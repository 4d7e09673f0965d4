import type { DescMessage, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';

/** What a handler knows about its call. */
export interface CallContext {
  /**
   * Aborts when the client cancels or goes away, when the deadline passes and when the server is forced down.
   * Its reason is the DiptychError that tells which.
   */
  readonly signal: AbortSignal;
  /** When the client stops waiting; absent where it set no limit. */
  readonly deadline: Date | undefined;
}

/** Limits of one call. The earlier of `timeoutMs` and `deadline` counts; the server is told. */
export interface CallOptions {
  /** Cancels the call. A reason that is a DiptychError is what the call then throws. */
  readonly signal?: AbortSignal | undefined;
  /** Most milliseconds from now. */
  readonly timeoutMs?: number | undefined;
  /** Point in time, for example `CallContext.deadline` of the call being served. */
  readonly deadline?: Date | undefined;
}

/** A protobuf-es service descriptor whose methods are unary or stream their answer. */
export type RpcService = Omit<DescService, 'method'> & { method: Record<string, RpcMethodTypes> };

/** The part of a method descriptor that decides its types. */
export interface RpcMethodTypes {
  readonly methodKind: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
}

/** Serves one method: a promise of the answer, or an iterable of answers where the method streams. */
export type RpcHandler<Method extends RpcMethodTypes> = Method['methodKind'] extends 'unary'
  ? (request: MessageShape<Method['input']>, call: CallContext) => Promise<MessageInitShape<Method['output']>>
  : (
      request: MessageShape<Method['input']>,
      call: CallContext,
    ) => AsyncIterable<MessageInitShape<Method['output']>>;

/** One handler for each method of a service, by its name in camelCase. */
export type RpcHandlers<Service extends RpcService> = {
  readonly [Name in keyof Service['method']]: RpcHandler<Service['method'][Name]>;
};

/**
 * Calls one method. A stream starts when its iteration starts, and leaving the iteration early cancels it.
 * Both throw DiptychError only.
 */
export type RpcCall<Method extends RpcMethodTypes> = Method['methodKind'] extends 'unary'
  ? (
      request: MessageInitShape<Method['input']>,
      options?: CallOptions,
    ) => Promise<MessageShape<Method['output']>>
  : (
      request: MessageInitShape<Method['input']>,
      options?: CallOptions,
    ) => AsyncGenerator<MessageShape<Method['output']>, void, undefined>;

/** One call for each method of a service, by its name in camelCase. */
export type RpcCalls<Service extends RpcService> = {
  readonly [Name in keyof Service['method']]: RpcCall<Service['method'][Name]>;
};
