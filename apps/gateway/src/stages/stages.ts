import type { LanguageService, ModelInfo, VisionService } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { RpcClient } from '@diptych/rpc';

/** Milliseconds for which what the language service said of its model is taken to hold. */
const MODEL_TTL_MS = 5_000;

/** Milliseconds that a stage may take to say which model it serves. */
const MODEL_TIMEOUT_MS = 5_000;

/** A client of the vision-service. */
export type VisionClient = RpcClient<typeof VisionService>;

/** A client of the language service. */
export type LanguageClient = RpcClient<typeof LanguageService>;

/** The two stages that answer. */
export interface Stages extends Disposable {
  readonly vision: VisionClient;
  readonly language: LanguageClient;
  /** The model that answers; asked again every few seconds. @throws DiptychError `stage_unavailable` */
  languageModel(signal: AbortSignal): Promise<ModelInfo>;
}

/** The stages behind two clients, which disposing closes. */
export function stagesOf({ vision, language }: Pick<Stages, 'vision' | 'language'>): Stages {
  let known: { readonly model: ModelInfo; readonly until: number } | undefined;
  return {
    vision,
    language,
    languageModel: async (signal) => {
      if (known !== undefined && performance.now() < known.until) return known.model;
      const { model } = await language.getModel({}, { signal, timeoutMs: MODEL_TIMEOUT_MS });
      if (!model) throw new DiptychError('internal', 'The lm-service does not say which model it serves.');
      known = { model, until: performance.now() + MODEL_TTL_MS };
      return model;
    },
    [Symbol.dispose]: () => {
      vision.close();
      language.close();
    },
  };
}
