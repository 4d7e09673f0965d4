import type { LanguageService } from '@diptych/contract';
import type { RpcHandlers } from '@diptych/rpc';
import type { PromptReader } from './prompt-reader.ts';

/** CountTokens: how long a prompt is, without running the model. */
export function createCountTokens(prompts: PromptReader): RpcHandlers<typeof LanguageService>['countTokens'] {
  return (request) => {
    const { ids, imagePositions } = prompts.read(request.prompt, request.imageLayouts, 'image_layouts');
    return Promise.resolve({ promptTokens: ids.length, imageTokens: imagePositions.length });
  };
}
