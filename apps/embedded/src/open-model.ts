import { openCheckpoint } from '@diptych/checkpoint';
import { LanguageService, VisionService } from '@diptych/contract';
import { LocalGateway, loadTemplate, stagesOf } from '@diptych/gateway';
import { type LanguageStage, loadLanguageStage } from '@diptych/lm-service';
import { describeModel, locateModel } from '@diptych/models';
import { createLocalClient } from '@diptych/rpc/local';
import { createLogger } from '@diptych/telemetry';
import { loadVisionStage, type VisionStage } from '@diptych/vision-service';
import type { EmbeddedModel, OpenOptions } from './api.ts';
import { LoadedModel } from './loaded-model.ts';
import { type ModelSettings, readOptions } from './options.ts';

/** The services' log lines tell operators what an application learns from answers, errors and `onProgress`. */
const NO_LOG = createLogger({ name: 'embedded', level: 'silent' });

/** An answer is never longer than the context, so a slow reader in this process may leave all of it waiting. */
const ANY_NUMBER = Number.MAX_SAFE_INTEGER;

/**
 * Opens a model in this process: downloads and compiles it where needed, loads it and warms it up. The caller owns the
 * result and closes it.
 *
 * @throws DiptychError `configuration_invalid`, `checkpoint_...`, `model_family_unsupported` or one of the hub's codes.
 */
export async function openModel({
  onProgress = () => undefined,
  ...options
}: OpenOptions): Promise<EmbeddedModel> {
  const settings = readOptions(options);
  const folder = await locateModel(settings.model, { onProgress });
  const checkpoint = await openCheckpoint(folder);
  const { imageToken } = await describeModel(checkpoint);
  const template = await loadTemplate(checkpoint, { imageToken, chatTemplate: settings.chatTemplate });
  const stages = await loadStages({ ...settings, model: folder }, onProgress);
  const model = settings.modelId ?? checkpoint.id;
  const gateway = new LocalGateway({ ...settings, model, template, imageToken, stages: clientsOf(stages) });
  return new LoadedModel(model, gateway, stages);
}

interface LoadedStages {
  readonly vision: VisionStage;
  readonly language: LanguageStage;
}

/** Loads both at once. Where one fails the other is freed. */
async function loadStages(
  settings: ModelSettings,
  onProgress: (message: string) => void,
): Promise<LoadedStages> {
  const shared = { ...settings, logger: NO_LOG, onProgress };
  const vision = loadVisionStage({ ...shared, threads: settings.visionThreads });
  const language = loadLanguageStage({ ...shared, unreadEvents: ANY_NUMBER });
  try {
    const [eye, mouth] = await Promise.all([vision, language]);
    return { vision: eye, language: mouth };
  } catch (error) {
    const stages: readonly Promise<VisionStage | LanguageStage>[] = [vision, language];
    const free = stages.map((stage) => stage.then((loaded) => loaded.close()));
    await Promise.allSettled(free);
    throw error;
  }
}

function clientsOf({ vision, language }: LoadedStages) {
  return stagesOf({
    vision: createLocalClient(VisionService, vision.handlers, { name: 'vision-service' }),
    language: createLocalClient(LanguageService, language.handlers, { name: 'lm-service' }),
  });
}
