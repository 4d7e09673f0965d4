import type { Sampling } from '@diptych/contract';
import type { ChatMessage } from '@diptych/text';
import type { ImageSource } from '../images/image-source.ts';

/** A conversation to answer, checked as far as that goes without model or network. */
export interface ChatJob extends Conversation {
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

/** One image of a conversation. */
export interface ImageInput {
  readonly source: ImageSource;
  /** Cut into tiles or not; absent: as the checkpoint says. */
  readonly split?: boolean;
  /** Name of the request field that it came in, for errors. */
  readonly param: string;
}
