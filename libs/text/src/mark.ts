import { randomUUID } from 'node:crypto';

/** Every mark, as a regular expression source. */
export const MARK_SOURCE = '\uE000[0-9a-f-]{36}\uE001';

/**
 * A string that stands for a text while a template is rendered: private-use characters around a random name, so that no
 * text holds it, no template asks for it, and trimming leaves it.
 */
export function createMark(): string {
  return `\uE000${randomUUID()}\uE001`;
}

/** The marks in a text. */
export function findMarks(text: string): ReadonlySet<string> {
  return new Set(text.match(new RegExp(MARK_SOURCE, 'gu')));
}
