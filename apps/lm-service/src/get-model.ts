import type { LanguageService } from '@diptych/contract';
import type { Model } from '@diptych/models';
import type { RpcHandlers } from '@diptych/rpc';

/** GetModel: what this service decodes with, and how much at once. */
export function createGetModel(
  model: Model,
  limits: { readonly capacity: number; readonly slots: number },
): RpcHandlers<typeof LanguageService>['getModel'] {
  const answer = {
    model: {
      id: model.id,
      revision: model.checkpoint.revision,
      fingerprint: model.fingerprint,
      family: model.family,
      weights: model.weights,
      limits: {
        maxContextTokens: limits.capacity,
        maxSequences: limits.slots,
        hiddenSize: model.language.hiddenSize,
      },
    },
  };
  return () => Promise.resolve(answer);
}
