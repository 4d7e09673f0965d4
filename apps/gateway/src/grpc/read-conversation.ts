import type { ContentPart, ChatMessage as WireMessage } from '@diptych/contract';
import type { ChatContent, ChatMessage } from '@diptych/text';
import type { Conversation, ImageInput } from '../chat/answer-job.ts';
import { MAX_IMAGES, MAX_MESSAGES, MAX_PARTS } from '../chat/limits.ts';
import { invalid } from './invalid.ts';
import { type ImageOptions, readImage } from './read-image.ts';

/** Roles by their name on the wire; `developer` is a newer name of `system`. */
const ROLES = { system: 'system', developer: 'system', user: 'user', assistant: 'assistant' } as const;

/**
 * Reads the turns of a gRPC request.
 *
 * @throws DiptychError `invalid_parameter` or one of the image codes, with the field's path as `param`.
 */
export function readConversation(wire: readonly WireMessage[], options: ImageOptions): Conversation {
  if (wire.length === 0 || wire.length > MAX_MESSAGES)
    throw invalid('messages', `must be 1 to ${MAX_MESSAGES} messages`);
  const images: ImageInput[] = [];
  const messages = wire.map((message, index) =>
    readMessage(message, `messages[${index}]`, { ...options, images }),
  );
  return { messages, images };
}

interface Reading extends ImageOptions {
  readonly images: ImageInput[];
}

function readMessage({ role, content }: WireMessage, param: string, reading: Reading): ChatMessage {
  if (!isRole(role)) throw invalid(`${param}.role`, `must be one of ${Object.keys(ROLES).join(', ')}`);
  if (content.length === 0 || content.length > MAX_PARTS)
    throw invalid(`${param}.content`, `must be 1 to ${MAX_PARTS} parts`);
  const turn = { role: ROLES[role], reading };
  return {
    role: turn.role,
    content: content.map(({ part }, index) => readPart(part, `${param}.content[${index}]`, turn)),
  };
}

function isRole(role: string): role is keyof typeof ROLES {
  return Object.hasOwn(ROLES, role);
}

interface Turn {
  readonly role: ChatMessage['role'];
  readonly reading: Reading;
}

function readPart(part: ContentPart['part'], param: string, { role, reading }: Turn): ChatContent {
  if (part.case === undefined) throw invalid(param, 'must hold text, image or image_url');
  if (part.case === 'text') return { type: 'text', text: part.value };
  if (role !== 'user')
    throw invalid(param, `must be text: images belong into user messages, not ${role} ones`);
  if (reading.images.length === MAX_IMAGES)
    throw invalid(param, `is one image too many: up to ${MAX_IMAGES} are accepted`);
  reading.images.push(readImage(part, param, reading));
  return { type: 'image' };
}
