import type { ChatService, TileLayout } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { RpcHandler } from '@diptych/rpc';
import { callEnd } from '../chat/call-signal.ts';
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
  return async (request, caller) => {
    if (request.model !== '') checkModel(request.model, context.model);
    const conversation = readConversation(request.messages, context);
    using place = context.admission.enter();
    const signals = [caller.signal, place.signal];
    using end = callEnd({ timeoutMs: context.requestTimeoutMs, deadline: caller.deadline, signals });
    const { signal, deadline } = end;
    const prompt = toPrompt(context.template, conversation);
    const { vision, language } = context.stages;
    const images = await encodeImages({ ...context, vision }, conversation.images, {
      signal,
      deadline,
      timings: new AnswerTimings(),
    });
    const imageLayouts = images.map(({ layout }) => knownLayout(layout));
    const counts = await language.countTokens({ prompt, imageLayouts }, { signal, deadline });
    return { promptTokens: counts.promptTokens, imageTokens: counts.imageTokens, imageLayouts };
  };
}

function knownLayout(layout: TileLayout | undefined): TileLayout {
  if (layout) return layout;
  throw new DiptychError('internal', 'The vision-service answered without a tile layout.');
}
