import { DiptychError } from '@diptych/errors';
import type { ChatContent, ChatMessage, ChatRole } from './chat-message.ts';
import { createMark, MARK_SOURCE } from './mark.ts';
import type { MarkedText } from './separate-texts.ts';

/** A message as a template sees it. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: readonly ChatContent[] | string;
}

/** A conversation in the form that a template takes, and again with a mark in place of each text. */
export interface TemplateConversation {
  readonly messages: readonly TemplateMessage[];
  readonly marked: readonly TemplateMessage[];
  readonly texts: readonly MarkedText[];
}

/**
 * Roles whose content a template takes as a list of parts; it takes the others' as a string. Templates differ here and do
 * not say so, hence these are tried in order.
 */
export const PART_ROLES: readonly ReadonlySet<ChatRole>[] = [
  new Set(['system', 'user', 'assistant']),
  new Set(['user']),
  new Set(),
];

/** Brings a conversation into a template's form. Throws `template_failed` for an image where only text fits. */
export function toTemplateConversation(
  messages: readonly ChatMessage[],
  partRoles: ReadonlySet<ChatRole>,
): TemplateConversation {
  const texts: MarkedText[] = [];
  const converted = messages.map((message) =>
    partRoles.has(message.role) ? message : { role: message.role, content: [joinTexts(message)] },
  );
  const marked = converted.map((message) => markMessage(message, texts));
  const inForm = (message: ChatMessage) => (partRoles.has(message.role) ? message : asString(message));
  return { messages: converted.map(inForm), marked: marked.map(inForm), texts };
}

/** Whether a rendering holds a list of parts in print: what a template does that expected a string. */
export function printsParts(marked: string): boolean {
  return new RegExp(`["']text["']\\s*:\\s*["']${MARK_SOURCE}`, 'u').test(marked);
}

function markMessage({ role, content }: ChatMessage, texts: MarkedText[]): ChatMessage {
  return { role, content: content.map((part) => markPart(role, part, texts)) };
}

/** Blank text keeps its place, because templates ask whether there is any. */
function markPart(role: ChatRole, part: ChatContent, texts: MarkedText[]): ChatContent {
  if (part.type !== 'text' || part.text.trim() === '') return part;
  const text = { role, text: part.text, mark: createMark() };
  texts.push(text);
  return { type: 'text', text: text.mark };
}

function joinTexts({ role, content }: ChatMessage): ChatContent {
  if (content.some(({ type }) => type === 'image')) {
    throw new DiptychError(
      'template_failed',
      `The model's chat template takes no images in ${role} messages.`,
      {
        param: 'messages',
      },
    );
  }
  return { type: 'text', text: content.map(textOf).join('') };
}

function asString({ role, content }: ChatMessage): TemplateMessage {
  return { role, content: content.map(textOf).join('') };
}

/** The text of a part; empty for an image. */
export function textOf(part: ChatContent): string {
  return part.type === 'text' ? part.text : '';
}
