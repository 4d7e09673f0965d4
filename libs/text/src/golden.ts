import { readFileSync } from 'node:fs';
import { Tokenizer } from './tokenizer.ts';

/** One tokeniser of the fixture and what the Rust `tokenizers` library makes of texts; for specs only. */
export interface Golden {
  readonly name: string;
  readonly tokenizer: {
    readonly added_tokens: readonly {
      readonly id: number;
      readonly content: string;
      readonly special: boolean;
    }[];
  };
  /** Ids of "hello" with what the post-processor adds. */
  readonly framedHello: readonly number[];
  readonly cases: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly decoded: string;
  }[];
}

/** Reads src/fixtures/tokenizer-golden.jsonl; make_tokenizer_golden.py beside it makes it. */
export function readGoldens(): Golden[] {
  const lines = readFileSync(new URL('./fixtures/tokenizer-golden.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as Golden);
}

/** The golden tokeniser of a name, loaded. */
export function loadGolden(name: string): Tokenizer {
  const golden = readGoldens().find((candidate) => candidate.name === name);
  if (!golden) throw new Error(`no golden tokeniser ${name}`);
  return Tokenizer.load({ tokenizer: golden.tokenizer, tokenizerConfig: undefined });
}
