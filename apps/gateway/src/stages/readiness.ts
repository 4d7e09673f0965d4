import type { ModelInfo } from '@diptych/contract';
import { toDiptychError } from '@diptych/errors';
import type { LanguageClient, Stages, VisionClient } from './stages.ts';

/** Milliseconds that a stage may take to answer a readiness check. */
const CHECK_TIMEOUT_MS = 2_000;

/** What is missing for whole service, in words; empty when both stages serve the same model. */
export async function missingStages({ vision, language }: Stages): Promise<string[]> {
  const [look, speak] = await Promise.all([check('vision-service', vision), check('lm-service', language)]);
  const missing = [look, speak].flatMap(({ problem }) => problem ?? []);
  if (look.model && speak.model && look.model.fingerprint !== speak.model.fingerprint) {
    missing.push('vision-service and lm-service serve different models: start both on the same checkpoint');
  }
  return missing;
}

interface StageState {
  readonly problem?: string;
  readonly model?: ModelInfo | undefined;
}

async function check(name: string, stage: VisionClient | LanguageClient): Promise<StageState> {
  const health = await stage.health({ timeoutMs: CHECK_TIMEOUT_MS });
  if (health === 'unreachable') return { problem: `${name} does not answer` };
  if (health === 'not_serving') return { problem: `${name} is not ready` };
  try {
    return await stage.getModel({}, { timeoutMs: CHECK_TIMEOUT_MS });
  } catch (error) {
    return { problem: `${name} does not say which model it serves: ${toDiptychError(error).message}` };
  }
}
