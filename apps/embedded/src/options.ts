import { readValues, type SettingsValues } from '@diptych/config';
import { GATEWAY_SETTINGS } from '@diptych/gateway';
import { LM_SETTINGS } from '@diptych/lm-service';
import { VISION_SETTINGS } from '@diptych/vision-service';
import type { OpenOptions } from './api.ts';

const { modelId, chatTemplate, imageTimeoutMs, allowPrivateImageHosts } = GATEWAY_SETTINGS.settings;
const { threads: visionThreads, cacheBytes, maxImageBytes, maxImagePixels } = VISION_SETTINGS.settings;
const { model, home, weights, threads, slots, context, queue, speculate } = LM_SETTINGS.settings;

const SETTINGS = {
  ...{ model, modelId, home, weights, threads, visionThreads, slots, context, queue, speculate },
  ...{ chatTemplate, cacheBytes, maxImageBytes, maxImagePixels, imageTimeoutMs, allowPrivateImageHosts },
};

/** Checked options, with the services' defaults. */
export type ModelSettings = SettingsValues<typeof SETTINGS>;

/** Checks options by the rules of the services' flags. @throws DiptychError `configuration_invalid` */
export function readOptions(options: Omit<OpenOptions, 'onProgress'>): ModelSettings {
  return readValues(SETTINGS, { ...options });
}
