import { DiptychError } from '@diptych/errors';
import type { ChatMessage, ChatRole } from './chat-message.ts';
import { type JinjaTemplate, parseJinja, TemplateRefusal } from './jinja.ts';
import { findMarks } from './mark.ts';
import type { Segment } from './prompt.ts';
import { separateTexts } from './separate-texts.ts';
import { parseSpecialTokens, type SpecialTokens } from './special-tokens.ts';
import {
  PART_ROLES,
  printsParts,
  type TemplateMessage,
  textOf,
  toTemplateConversation,
} from './template-conversation.ts';
import { findTemplate, type TemplateFile, type TemplateSources } from './template-source.ts';
import { assertWellFormed } from './well-formed.ts';

/** Where a chat template comes from, and what it writes for an image. */
export interface ChatTemplateOptions extends TemplateSources {
  /** The literal that the template writes in place of an image, for example `<image>`. */
  readonly imageToken: string;
}

/**
 * A checkpoint's own chat template (Jinja). It renders a conversation, with the generation prompt, into segments that
 * keep apart what the template wrote and what the conversation holds: every text of every role is user text.
 *
 * The conversation is rendered twice, once with a random mark in place of each text, so neither a text nor the
 * template can be mistaken for the other. A template comes from a checkpoint, never from a request.
 */
export class ChatTemplate {
  readonly #template: JinjaTemplate;
  readonly #imageToken: string;
  readonly #specialTokens: SpecialTokens;

  /**
   * Throws `chat_template_missing` where there is no template (see `hasTemplate`), `checkpoint_invalid`, naming the file,
   * where it is no Jinja.
   */
  static load(options: ChatTemplateOptions): ChatTemplate {
    return new ChatTemplate(options);
  }

  private constructor({ imageToken, ...sources }: ChatTemplateOptions) {
    this.#template = parseTemplate(findTemplate(sources));
    this.#imageToken = imageToken;
    this.#specialTokens = parseSpecialTokens(sources.tokenizerConfig);
  }

  /**
   * The prompt of a conversation. Images are numbered in order of appearance, from 0. Throws `template_failed` where
   * the template refuses the conversation, changes a text or leaves a part out, `invalid_parameter` for text that is not
   * well-formed Unicode.
   */
  render(messages: readonly ChatMessage[]): Segment[] {
    checkTexts(messages);
    const failures: unknown[] = [];
    for (const partRoles of PART_ROLES) {
      try {
        return this.#renderAs(messages, partRoles);
      } catch (error) {
        failures.push(error);
      }
    }
    throw toTemplateError(mostTelling(failures));
  }

  #renderAs(messages: readonly ChatMessage[], partRoles: ReadonlySet<ChatRole>): Segment[] {
    const now = new Date();
    const conversation = toTemplateConversation(messages, partRoles);
    const marked = this.#run(conversation.marked, now);
    if (printsParts(marked)) throw failed('it takes text alone');
    const kept = findMarks(marked);
    if (!conversation.texts.every(({ mark }) => kept.has(mark))) throw changed();
    const segments = separateTexts(this.#run(conversation.messages, now), marked, conversation.texts);
    if (!segments) throw changed();
    return this.#placeImages(segments, countImages(messages));
  }

  #run(messages: readonly TemplateMessage[], now: Date): string {
    const variables = { messages, tools: null, documents: null, add_generation_prompt: true };
    return this.#template({ ...this.#specialTokens, ...variables }, now);
  }

  /** Cuts the image literals out of template text; the literal in a user's text is no image. */
  #placeImages(segments: readonly Segment[], images: number): Segment[] {
    let index = 0;
    const placed = segments.flatMap((segment): Segment[] => {
      if (segment.kind !== 'template') return [segment];
      const [first = '', ...rest] = segment.text.split(this.#imageToken);
      return [template(first), ...rest.flatMap((text) => [image(index++), template(text)])];
    });
    if (index !== images) throw failed(`it writes ${index} image places for ${images} images`);
    return placed.filter((segment) => segment.kind === 'image' || segment.text !== '');
  }
}

function parseTemplate(template: TemplateFile | undefined): JinjaTemplate {
  if (!template) throw new DiptychError('chat_template_missing', 'The checkpoint has no chat template.');
  try {
    return parseJinja(template.text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${template.file}: the chat template is not valid Jinja: ${reason}.`;
    throw new DiptychError('checkpoint_invalid', message, { cause });
  }
}

function checkTexts(messages: readonly ChatMessage[]): void {
  for (const [index, { content }] of messages.entries()) {
    for (const part of content) assertWellFormed(textOf(part), `messages[${index}].content`);
  }
}

function countImages(messages: readonly ChatMessage[]): number {
  return messages.flatMap(({ content }) => content).filter(({ type }) => type === 'image').length;
}

function template(text: string): Segment {
  return { kind: 'template', text };
}

function image(index: number): Segment {
  return { kind: 'image', index };
}

/** The template's own words first, then what was found wrong, then a fault while it ran. */
function mostTelling(failures: readonly unknown[]): unknown {
  const of = (type: typeof TemplateRefusal | typeof DiptychError) =>
    failures.find((error) => error instanceof type);
  return of(TemplateRefusal) ?? of(DiptychError) ?? failures[0];
}

function toTemplateError(error: unknown): DiptychError {
  if (error instanceof DiptychError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return failed(error instanceof TemplateRefusal ? reason : `it fails with "${reason}"`, error);
}

function changed(): DiptychError {
  return failed('it changes or leaves out part of a message');
}

function failed(reason: string, cause?: unknown): DiptychError {
  const message = `The model's chat template does not accept this conversation: ${reason}.`;
  return new DiptychError('template_failed', message, { param: 'messages', cause });
}
