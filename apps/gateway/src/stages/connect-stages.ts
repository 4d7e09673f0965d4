import { LanguageService, VisionService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { type Stages, stagesOf } from './stages.ts';

/** Connects to the stages when they are first needed, and again after each failure. */
export function connectStages(addresses: { readonly vision: string; readonly language: string }): Stages {
  return stagesOf({
    vision: createClient(VisionService, { address: addresses.vision, name: 'vision-service' }),
    language: createClient(LanguageService, { address: addresses.language, name: 'lm-service' }),
  });
}
