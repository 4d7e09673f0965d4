import type { ChatService, TileLayout } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { RpcHandler } from '@diptych/rpc';
import { checkModel } from '../chat/check-model.ts';
import { encodeImages } from '../chat/encode-images.ts';
import { toPrompt } from '../chat/prompt.ts';
import { AnswerTimings } from '../chat/timings.ts';
import type { ChatHandlerContext } from './chat.ts';
import { readConversation } from './read-conversation.ts';

/**
 * `ChatService.CountTokens`: renders the prompt and asks the language service for its length. The layout of an
 * image comes from encoding it; the vision-service keeps the result, so a later answer does not encode again.
 */
export function countTokens(
  context: ChatHandlerContext,
): RpcHandler<(typeof ChatService)['method']['countTokens']> {
  return async (request, { signal }) => {
    if (request.model !== '') checkModel(request.model, context.model);
    const conversation = readConversation(request.messages, context);
    using place = context.admission.enter();
    const call = { signal: AbortSignal.any([signal, place.signal]), timings: new AnswerTimings() };
    const prompt = toPrompt(context.template, conversation);
    const { vision, language } = context.stages;
    const images = await encodeImages({ ...context, vision }, conversation.images, call);
    const imageLayouts = images.map(({ layout }) => knownLayout(layout));
    const counts = await language.countTokens({ prompt, imageLayouts }, { signal: call.signal });
    return { promptTokens: counts.promptTokens, imageTokens: counts.imageTokens, imageLayouts };
  };
}

function knownLayout(layout: TileLayout | undefined): TileLayout {
  if (layout) return layout;
  throw new DiptychError('internal', 'The vision-service answered without a tile layout.');
}
