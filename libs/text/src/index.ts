export type { ChatContent, ChatMessage, ChatRole } from './chat-message.ts';
export { ChatTemplate, type ChatTemplateOptions } from './chat-template.ts';
export { Detokenizer, type TokenTable } from './detokenizer.ts';
export { type ImageNeighbours, imageNeighbours } from './image-neighbours.ts';
export type { EncodedPrompt, PromptImage, Segment } from './prompt.ts';
export type { SpecialTokens } from './special-tokens.ts';
export { StopMatcher, type StopResult } from './stop-matcher.ts';
export { hasTemplate, type TemplateFile, type TemplateSources } from './template-source.ts';
export { type DetokenizeOptions, type EncodeOptions, Tokenizer, type TokenizerSources } from './tokenizer.ts';
