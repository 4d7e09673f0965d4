/** Who speaks. */
export type ChatRole = 'system' | 'user' | 'assistant';

/** A piece of a turn. Images are counted through the conversation: the first is image 0. */
export type ChatContent = { readonly type: 'text'; readonly text: string } | { readonly type: 'image' };

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: readonly ChatContent[];
}
