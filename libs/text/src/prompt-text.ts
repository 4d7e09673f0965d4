import assert from 'node:assert/strict';
import { DiptychError } from '@diptych/errors';
import type { Segment } from './prompt.ts';
import { assertWellFormed } from './well-formed.ts';

/** Part of a text, from `start` up to but not including `end`, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The expansion of one image within a text. */
export interface ImageSpan extends Span {
  readonly index: number;
}

/** A prompt as one text that remembers which of its parts come from the template. */
export interface PromptText {
  readonly text: string;
  /** Template text and image expansions, in order, touching ones joined. The rest is a user's. */
  readonly templateSpans: readonly Span[];
  readonly imageSpans: readonly ImageSpan[];
}

/**
 * Joins segments, each image replaced by its expansion. Throws `image_count_mismatch` unless the prompt refers to each image
 * exactly once, and `invalid_parameter` for text that is not well-formed Unicode.
 */
export function joinSegments(segments: readonly Segment[], expansions: readonly string[]): PromptText {
  checkImages(segments, expansions.length);
  let text = '';
  const templateSpans: { start: number; end: number }[] = [];
  const imageSpans: ImageSpan[] = [];
  for (const segment of segments) {
    const start = text.length;
    text += segmentText(segment, expansions);
    if (segment.kind !== 'user') extendSpans(templateSpans, { start, end: text.length });
    if (segment.kind === 'image') imageSpans.push({ index: segment.index, start, end: text.length });
  }
  return { text, templateSpans, imageSpans };
}

function segmentText(segment: Segment, expansions: readonly string[]): string {
  if (segment.kind === 'image') return expansions[segment.index] ?? '';
  assertWellFormed(segment.text, segment.kind === 'user' ? 'The text of a message' : 'The template text');
  return segment.text;
}

function extendSpans(spans: { start: number; end: number }[], next: Span): void {
  const last = spans.at(-1);
  if (last?.end === next.start) last.end = next.end;
  else spans.push({ ...next });
}

function checkImages(segments: readonly Segment[], count: number): void {
  const seen = new Set<number>();
  for (const segment of segments) {
    if (segment.kind !== 'image') continue;
    assert.ok(Number.isInteger(segment.index), 'an image index is an integer');
    if (segment.index < 0 || segment.index >= count)
      throw mismatch(`refers to image ${segment.index}, but ${sent(count)}`);
    if (seen.has(segment.index)) throw mismatch(`refers to image ${segment.index} twice`);
    seen.add(segment.index);
  }
  if (seen.size < count) throw mismatch(`refers to ${seen.size} of the images, but ${sent(count)}`);
}

function mismatch(problem: string): DiptychError {
  const message = `The prompt ${problem}; send exactly the images that the prompt refers to, each once.`;
  return new DiptychError('image_count_mismatch', message);
}

function sent(count: number): string {
  return count === 1 ? '1 was sent' : `${count} were sent`;
}
