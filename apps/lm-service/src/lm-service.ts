import { LanguageService } from '@diptych/contract';
import { RpcServer, type RunningService } from '@diptych/rpc';
import type { Logger } from '@diptych/telemetry';
import { loadLanguageStage } from './language-stage.ts';
import type { LmSettings } from './settings.ts';

/** Settings, and where to log. */
export interface LmServiceOptions extends LmSettings {
  readonly logger: Logger;
}

/** Loads the model (compiling it where needed), warms the decoder up, and then starts to serve. */
export async function startLmService(options: LmServiceOptions): Promise<RunningService> {
  const { logger, listen, graceSeconds } = options;
  const onProgress = (message: string) => logger.info({ progress: true }, message);
  const stage = await loadLanguageStage({ ...options, onProgress });
  const server = new RpcServer({ address: listen, logger }).add(LanguageService, stage.handlers);
  const { address } = await server.start();
  logger.info({ address, ...stage.description }, 'serving');
  const stop = async () => {
    await server.shutdown(graceSeconds * 1000);
    await stage.close();
  };
  return { address, stop };
}
