import { create } from '@bufbuild/protobuf';
import { type Prompt, PromptSchema, type PromptSegment, PromptSegmentSchema } from '@diptych/contract';
import type { ChatMessage, Segment } from '@diptych/text';
import type { Conversation, RawPrompt } from './answer-job.ts';

/** Renders conversations for one model; libs/text's ChatTemplate. */
export interface PromptTemplate {
  /** @throws DiptychError `template_failed` when the template refuses the conversation. */
  render(messages: readonly ChatMessage[]): readonly Segment[];
}

/**
 * The prompt of a conversation: the model's own template decides, the wire keeps apart what it wrote and what
 * users wrote.
 *
 * @throws DiptychError `template_failed` when the template refuses the conversation; `chat_template_missing` for a base
 *   model, which has none.
 */
export function toPrompt(template: PromptTemplate, { messages }: Conversation): Prompt {
  return create(PromptSchema, { segments: template.render(messages).map(toWire) });
}

/** A prompt that its caller wrote: as it is. */
export function toRawPrompt({ segments, addSpecialTokens }: RawPrompt): Prompt {
  return create(PromptSchema, { segments: segments.map(toWire), addSpecialTokens });
}

function toWire(segment: Segment): PromptSegment {
  switch (segment.kind) {
    case 'template':
      return create(PromptSegmentSchema, { segment: { case: 'templateText', value: segment.text } });
    case 'user':
      return create(PromptSegmentSchema, { segment: { case: 'userText', value: segment.text } });
    case 'image':
      return create(PromptSegmentSchema, { segment: { case: 'imageIndex', value: segment.index } });
  }
}
