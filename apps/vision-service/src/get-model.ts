import type { VisionService } from '@diptych/contract';
import type { ImageLimits } from '@diptych/image';
import type { Model } from '@diptych/models';
import type { RpcHandlers } from '@diptych/rpc';

/** GetModel: what this service encodes for, and the images it takes. */
export function createGetModel(
  model: Model,
  limits: ImageLimits,
): RpcHandlers<typeof VisionService>['getModel'] {
  const answer = {
    model: {
      id: model.id,
      revision: model.checkpoint.revision,
      fingerprint: model.fingerprint,
      family: model.family,
      weights: model.weights,
      limits: {
        maxImageBytes: BigInt(limits.maxBytes),
        maxImagePixels: BigInt(limits.maxPixels),
        hiddenSize: model.vision.hiddenSize,
      },
    },
  };
  return () => Promise.resolve(answer);
}
