import { clone, create } from '@bufbuild/protobuf';
import { type ChatService, ModelLimitsSchema } from '@diptych/contract';
import type { RpcHandler } from '@diptych/rpc';
import type { Stages } from '../stages/stages.ts';

/** What the handler needs. */
export interface ListModelsContext {
  readonly stages: Stages;
  /** Id of the model that is served. */
  readonly model: string;
}

/** `ChatService.ListModels`: the one model, with the language stage's limits and the vision stage's, if it is there. */
export function listModels({
  stages,
  model,
}: ListModelsContext): RpcHandler<(typeof ChatService)['method']['listModels']> {
  return async (_request, { signal }) => {
    const language = await stages.languageModel(signal);
    const vision = await stages.vision.getModel({}, { signal }).catch(() => undefined);
    const images = vision?.model?.limits;
    const limits = clone(ModelLimitsSchema, language.limits ?? create(ModelLimitsSchema));
    limits.maxImageBytes = images?.maxImageBytes ?? 0n;
    limits.maxImagePixels = images?.maxImagePixels ?? 0n;
    return { models: [{ ...language, id: model, limits }] };
  };
}
