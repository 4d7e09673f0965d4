import { VisionService } from '@diptych/contract';
import { RpcServer, type RunningService } from '@diptych/rpc';
import type { Logger } from '@diptych/telemetry';
import type { VisionSettings } from './settings.ts';
import { loadVisionStage } from './vision-stage.ts';

/** Settings, and where to log. */
export interface VisionServiceOptions extends VisionSettings {
  readonly logger: Logger;
}

/** Loads the model (compiling it where needed), warms the encoder up, and then starts to serve. */
export async function startVisionService(options: VisionServiceOptions): Promise<RunningService> {
  const { logger, listen, graceSeconds } = options;
  const onProgress = (message: string) => logger.info({ progress: true }, message);
  const stage = await loadVisionStage({ ...options, onProgress });
  const server = new RpcServer({ address: listen, logger }).add(VisionService, stage.handlers);
  const { address } = await server.start();
  logger.info({ address, ...stage.description }, 'serving');
  const stop = async () => {
    await server.shutdown(graceSeconds * 1000);
    await stage.close();
  };
  return { address, stop };
}
