import type { ChatRole } from './chat-message.ts';
import { MARK_SOURCE } from './mark.ts';
import type { Segment } from './prompt.ts';

/** A text of a conversation and the mark that stands for it in a second rendering. */
export interface MarkedText {
  readonly role: ChatRole;
  readonly text: string;
  readonly mark: string;
}

/**
 * Tells template text from the texts of a conversation. `rendered` is the prompt, `marked` the same with a mark in place of
 * each text. Putting the texts, trimmed as the template trims the texts of each role, in place of the marks must give
 * the prompt exactly; where it does not, the template does something else to a text, and the answer is `undefined`.
 */
export function separateTexts(
  rendered: string,
  marked: string,
  texts: readonly MarkedText[],
): readonly Segment[] | undefined {
  const pieces = splitAtMarks(marked, texts);
  for (const trims of combinations([...new Set(texts.map(({ role }) => role))])) {
    const segments = pieces.map((piece) => toSegment(piece, trims));
    if (segments.map(({ text }) => text).join('') === rendered)
      return segments.filter(({ text }) => text !== '');
  }
  return undefined;
}

type TextSegment = Exclude<Segment, { kind: 'image' }>;
type Trim = (text: string) => string;

/** What templates do to a text, the most frequent first. */
const TRIMS: readonly Trim[] = [
  (text) => text,
  (text) => text.trim(),
  (text) => text.trimStart(),
  (text) => text.trimEnd(),
];

/** Every way of trimming the texts of each role; at most 64. */
function combinations(roles: readonly ChatRole[]): ReadonlyMap<ChatRole, Trim>[] {
  return roles.reduce<ReadonlyMap<ChatRole, Trim>[]>(
    (found, role) => found.flatMap((trims) => TRIMS.map((trim) => new Map([...trims, [role, trim]]))),
    [new Map()],
  );
}

function splitAtMarks(marked: string, texts: readonly MarkedText[]): (string | MarkedText)[] {
  const byMark = new Map(texts.map((text) => [text.mark, text]));
  return marked.split(new RegExp(`(${MARK_SOURCE})`, 'u')).map((piece) => byMark.get(piece) ?? piece);
}

function toSegment(piece: string | MarkedText, trims: ReadonlyMap<ChatRole, Trim>): TextSegment {
  if (typeof piece === 'string') return { kind: 'template', text: piece };
  return { kind: 'user', text: trims.get(piece.role)?.(piece.text) ?? piece.text };
}
