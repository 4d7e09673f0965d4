/** The facts that an answer is scored by; the rules are stated in models/pico/eval/README.md. */
export interface Expected {
  readonly text: string;
  readonly concepts?: readonly string[];
  readonly number?: number;
  readonly colour?: string;
  readonly place?: string;
  readonly present?: boolean;
}

/** A concept's names, as of models/pico/eval/concepts.json. */
export interface Concept {
  readonly name: string;
  readonly plural: string;
}

/** Kinds of question. */
export type Kind = 'what' | 'count' | 'colour' | 'where' | 'present' | 'second_image';

const NUMBERS = new Map(
  [
    ['no', 'zero', 'none'],
    ['a', 'an', 'one'],
    ...['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'].map((word) => [word]),
  ].flatMap((words, number) => words.map((word) => [word, number] as const)),
);
const COLOURS = 'white black gray red orange yellow green blue purple pink brown'.split(' ');
const PLACES = ['left', 'right', 'top', 'bottom', 'middle'];
const SYNONYMS = new Map([
  ['grey', 'gray'],
  ['center', 'middle'],
  ['centre', 'middle'],
]);

/** Scores answers against the truth of a scene. */
export class Scorer {
  /** Words of each name or plural, the longest first, so that the longest that fits is taken. */
  readonly #forms: readonly { readonly words: readonly string[]; readonly name: string }[];

  constructor(concepts: readonly Concept[]) {
    this.#forms = concepts
      .flatMap(({ name, plural }) => [name, plural].map((form) => ({ words: wordsOf(form), name })))
      .toSorted((a, b) => b.words.length - a.words.length);
  }

  /** True where an answer states the expected fact. `concept` is the one that a question is about: its own name says nothing of its number or place. */
  isRight(kind: Kind, answer: string, expected: Expected, concept?: string): boolean {
    const words = wordsOf(answer);
    switch (kind) {
      case 'what':
      case 'second_image':
        return this.namedConcepts(answer).symmetricDifference(new Set(expected.concepts)).size === 0;
      case 'count':
        return firstNumber(this.#without(words, concept)) === expected.number;
      case 'colour':
        return firstOf(COLOURS, words) === expected.colour;
      case 'where':
        return firstOf(PLACES, this.#without(words, concept)) === expected.place;
      case 'present':
        return words[0] === (expected.present === true ? 'yes' : 'no');
    }
  }

  /** The set of concepts that an answer names. */
  namedConcepts(answer: string): Set<string> {
    const words = wordsOf(answer);
    const named = new Set<string>();
    for (let at = 0; at < words.length; ) {
      const form = this.#formAt(words, at);
      if (form) named.add(form.name);
      at += form?.words.length ?? 1;
    }
    return named;
  }

  #formAt(words: readonly string[], at: number) {
    return this.#forms.find((form) => form.words.every((word, offset) => words[at + offset] === word));
  }

  #without(words: readonly string[], concept: string | undefined): string[] {
    const kept: string[] = [];
    for (let at = 0; at < words.length; ) {
      const form = this.#formAt(words, at);
      const length = form?.words.length ?? 1;
      if (form === undefined || form.name !== concept) kept.push(...words.slice(at, at + length));
      at += length;
    }
    return kept;
  }
}

/** True where the whole answer is the expected one, but for case and punctuation. */
export function isExact(answer: string, expected: Expected): boolean {
  return wordsOf(answer).join(' ') === wordsOf(expected.text).join(' ');
}

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function firstNumber(words: readonly string[]): number | undefined {
  for (const word of words) {
    const number = /^\d+$/.test(word) ? Number(word) : NUMBERS.get(word);
    if (number !== undefined) return number;
  }
  return undefined;
}

function firstOf(candidates: readonly string[], words: readonly string[]): string | undefined {
  return words.map((word) => SYNONYMS.get(word) ?? word).find((word) => candidates.includes(word));
}
