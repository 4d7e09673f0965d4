export { createClient, type RpcClient, type RpcClientControls, type RpcClientOptions } from './client.ts';
export type { Health } from './health.ts';
export { MAX_MESSAGE_BYTES } from './limits.ts';
export { type RunningService, runService } from './run-service.ts';
export { RpcServer, type RpcServerOptions } from './server.ts';
export type {
  CallContext,
  CallOptions,
  RpcCalls,
  RpcHandler,
  RpcHandlers,
  RpcService,
} from './service-types.ts';
