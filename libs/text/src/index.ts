export type { ChatContent, ChatMessage, ChatRole } from './chat-message.ts';
export type { EncodedPrompt, PromptImage, Segment } from './prompt.ts';
