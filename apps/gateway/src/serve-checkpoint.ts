import { openCheckpoint } from '@diptych/checkpoint';
import { describeModel, locateModel } from '@diptych/models';
import type { RunningService } from '@diptych/rpc';
import type { Logger } from '@diptych/telemetry';
import { startGateway } from './gateway.ts';
import { loadTemplate } from './load-template.ts';
import type { GatewaySettings } from './settings.ts';

/** Settings, and where to log. */
export interface ServeOptions extends GatewaySettings {
  readonly logger: Logger;
}

/**
 * Reads the template of a checkpoint and starts a gateway for it, whether or not the stages are there.
 *
 * @throws DiptychError `checkpoint_...`, `model_family_unsupported` or `configuration_invalid`.
 */
export async function serveCheckpoint({
  modelId,
  chatTemplate,
  graceSeconds,
  ...options
}: ServeOptions): Promise<RunningService> {
  const folder = await locateModel(options.model, {
    parts: 'small-files',
    onProgress: (message) => options.logger.info({ progress: true }, message),
  });
  const checkpoint = await openCheckpoint(folder);
  const { imageToken } = await describeModel(checkpoint);
  const { url, grpc, stop } = await startGateway({
    ...options,
    model: modelId ?? checkpoint.id,
    template: await loadTemplate(checkpoint, { imageToken, chatTemplate }),
    imageToken,
    graceMs: graceSeconds * 1000,
  });
  return { address: url, others: { grpc }, stop };
}
