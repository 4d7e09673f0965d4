import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PICO } from '@diptych/testing';
import type { Concept, Expected, Kind } from './score.ts';

/** Drawing styles that training saw, or the one it never saw. */
export type Group = 'seen' | 'unseen';

/** One turn of a user: an image file and a text. */
export interface Look {
  readonly image: string;
  readonly text: string;
}

/** One scored question: user turns, the given answers between them, and the truth. */
export interface Question {
  readonly group: Group;
  readonly kind: Kind;
  readonly concept?: string;
  readonly first?: Look & { readonly answer: string };
  readonly ask: Look;
  readonly expected: Expected;
}

interface SceneLine {
  readonly id: string;
  readonly image: string;
  readonly group: Group;
  readonly questions: readonly {
    readonly kind: Kind;
    readonly question: string;
    readonly concept?: string;
    readonly expected: Expected;
  }[];
}

interface SecondImageLine {
  readonly group: Group;
  readonly first: string;
  readonly first_question: string;
  readonly first_answer: string;
  readonly second: string;
  readonly second_question: string;
  readonly expected: Expected;
}

const FOLDER = join(PICO, 'eval');

/** The held-out set of the bundled model: its scenes' questions and the two-image conversations. */
export function loadEvalSet(): {
  readonly scenes: number;
  readonly concepts: readonly Concept[];
  readonly questions: readonly Question[];
} {
  const scenes = readLines<SceneLine>('scenes.jsonl');
  const images = new Map(scenes.map(({ id, image }) => [id, image]));
  const imageOf = (id: string) => {
    const image = images.get(id);
    if (image === undefined) throw new Error(`second_image.jsonl names the unknown scene ${id}`);
    return join(FOLDER, image);
  };
  const single = scenes.flatMap(({ group, image, questions }) =>
    questions.map(({ question, ...rest }) => ({
      group,
      ...rest,
      ask: { image: join(FOLDER, image), text: question },
    })),
  );
  const second = readLines<SecondImageLine>('second_image.jsonl').map((line) => ({
    group: line.group,
    kind: 'second_image' as const,
    first: { image: imageOf(line.first), text: line.first_question, answer: line.first_answer },
    ask: { image: imageOf(line.second), text: line.second_question },
    expected: line.expected,
  }));
  return {
    scenes: scenes.length,
    concepts: JSON.parse(readFileSync(join(FOLDER, 'concepts.json'), 'utf8')) as Concept[],
    questions: [...single, ...second],
  };
}

function readLines<Line>(file: string): Line[] {
  return readFileSync(join(FOLDER, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}
