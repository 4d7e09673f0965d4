import { DiptychError } from '@diptych/errors';
import type { PromptTemplate } from './prompt.ts';

/** In place of the template of a base model, which has none: every conversation is refused, with what to do instead. */
export const MISSING_TEMPLATE: PromptTemplate = {
  render: () => {
    throw new DiptychError(
      'chat_template_missing',
      'This checkpoint is a base model: it has no chat template, so it cannot be asked in messages. Send a raw prompt ' +
        'to POST /v1/completions, or start the gateway with --chat-template FILE.',
      { param: 'messages' },
    );
  },
};
