import type { Prompt, Sampling } from '@diptych/contract';
import type { ChatMessage, Segment } from '@diptych/text';
import type { ImageSource } from '../images/image-source.ts';

/** What is to be answered, checked as far as that goes without model or network. */
export interface AnswerJob extends AnswerParameters {
  readonly prompt: Prompt;
  /** The images that the prompt refers to, in order of appearance. */
  readonly images: readonly ImageInput[];
  /** The answer continues the prompt's text, so that a space which it begins with belongs to it. */
  readonly continuesText: boolean;
}

/** How a prompt is to be answered. */
export interface AnswerParameters {
  /** How tokens are chosen; every value in its range. */
  readonly sampling: Sampling;
  /** Answers to generate for the one prompt. */
  readonly choices: number;
  /** Prefix caches are shared only within one salt. */
  readonly cacheSalt: string;
}

/** Turns, and the images they show. */
export interface Conversation {
  /** Turns as the chat template takes them, oldest first. */
  readonly messages: readonly ChatMessage[];
  /** The images in order of appearance: one for each image part of `messages`. */
  readonly images: readonly ImageInput[];
}

/** A prompt that its caller wrote whole, and the images that it shows. */
export interface RawPrompt {
  /** Template text is the application's: special tokens in it are what they spell. */
  readonly segments: readonly Segment[];
  /** The images in order of appearance: one for each image segment. */
  readonly images: readonly ImageInput[];
  /** Whether the tokeniser puts its special tokens around the prompt, such as the start token. */
  readonly addSpecialTokens: boolean;
}

/** One image of a prompt. */
export interface ImageInput {
  readonly source: ImageSource;
  /** Cut into tiles or not; absent: as the checkpoint says. */
  readonly split?: boolean;
  /** Name of the request field that it came in, for errors. */
  readonly param: string;
}
