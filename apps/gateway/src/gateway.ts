import { ChatService } from '@diptych/contract';
import { RpcServer } from '@diptych/rpc';
import type { Logger } from '@diptych/telemetry';
import { Admission } from './chat/admission.ts';
import type { PromptTemplate } from './chat/prompt.ts';
import { chat } from './grpc/chat.ts';
import { complete } from './grpc/complete.ts';
import { countTokens } from './grpc/count-tokens.ts';
import { listModels } from './grpc/list-models.ts';
import { imageFetcher } from './images/fetch-image.ts';
import type { Resolve } from './images/guarded-connector.ts';
import { chatCompletions } from './rest/chat-completions.ts';
import { completions } from './rest/completions.ts';
import { healthz } from './rest/healthz.ts';
import { listen } from './rest/listen.ts';
import { models } from './rest/models.ts';
import { refuseOtherMethods } from './rest/other-methods.ts';
import { readyz } from './rest/readyz.ts';
import { restServer } from './rest/server.ts';
import { connectStages } from './stages/connect-stages.ts';
import { missingStages } from './stages/readiness.ts';

/** What a gateway is made of. Sizes in bytes, times in milliseconds; see settings.ts for each. */
export interface GatewayOptions {
  /** Id of the model in the API. */
  readonly model: string;
  readonly template: PromptTemplate;
  /** What stands for an image in a raw prompt: the literal of the model family, for example `<image>`. */
  readonly imageToken: string;
  readonly listen: string;
  readonly grpcListen: string;
  readonly vision: string;
  readonly language: string;
  readonly maxRequests: number;
  readonly maxBodyBytes: number;
  readonly maxImageBytes: number;
  readonly imageTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly graceMs: number;
  readonly allowPrivateImageHosts: boolean;
  readonly logger: Logger;
  /** Resolves the hosts of images; the system's resolver where absent. */
  readonly resolve?: Resolve;
}

/** A gateway that listens. */
export interface Gateway {
  /** Base address of the REST API, for example `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Address of the gRPC API. */
  readonly grpc: string;
  /** Refuses new work, lets running answers finish within the grace, then closes everything. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts both servers. The stages need not be there yet.
 *
 * @throws DiptychError `configuration_invalid` when an address cannot be listened on.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { graceMs, logger } = options;
  const admission = new Admission({ places: options.maxRequests });
  const stages = connectStages(options);
  const fetchImage = imageFetcher({
    timeoutMs: options.imageTimeoutMs,
    maxBytes: options.maxImageBytes,
    allowPrivate: options.allowPrivateImageHosts,
    ...(options.resolve && { resolve: options.resolve }),
  });
  const context = { ...options, admission, stages, fetchImage };
  const missing = async () => (admission.closed ? ['gateway is shutting down'] : missingStages(stages));

  const rpc = new RpcServer({ address: options.grpcListen, logger });
  rpc.add(ChatService, {
    chat: chat(context),
    listModels: listModels(context),
    complete: complete(context),
    countTokens: countTokens(context),
  });
  const rest = restServer({ logger, maxBodyBytes: options.maxBodyBytes });
  chatCompletions(rest, context);
  completions(rest, context);
  models(rest, context);
  healthz(rest);
  readyz(rest, { missing });
  for (const path of ['/v1/models', '/v1/models/*', '/healthz', '/readyz'])
    refuseOtherMethods(rest, path, 'GET');
  for (const path of ['/v1/chat/completions', '/v1/completions']) refuseOtherMethods(rest, path, 'POST');

  const { address: grpc } = await rpc.start();
  const url = await listen(rest, options.listen);
  const stop = async () => {
    await Promise.all([rpc.shutdown(graceMs), admission.drain(graceMs)]);
    await rest.close();
    stages[Symbol.dispose]();
  };
  return { url, grpc, stop };
}
