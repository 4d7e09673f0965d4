import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '@diptych/checkpoint';
import { describeModel } from '@diptych/models';
import { type ChatMessage, ChatTemplate, imageNeighbours, Tokenizer } from '@diptych/text';
import { SMOLVLM_256M } from '../../shapes/smolvlm-256m.ts';
import { writeSmallFiles } from '../../write-checkpoint.ts';
import type { MicroCase } from '../micro-case.ts';

/** From messages to token ids, and from token ids back to text. */
export const TEXT: readonly MicroCase[] = [
  tokenizerCase('tokenizer/short', 40),
  tokenizerCase('tokenizer/4-kB', 4_000),
  tokenizerCase('tokenizer/100-kB', 100_000),
  {
    name: 'prompt/chat-template',
    prepare: async ({ folder }) => {
      const { template } = await openSmolVlm(folder);
      return { run: () => template.render(CONVERSATION) };
    },
  },
  {
    name: 'prompt/expand-and-encode-17-tiles',
    prepare: async ({ folder }) => {
      const { model, template, tokenizer } = await openSmolVlm(folder);
      const segments = template.render(CONVERSATION);
      const { imageTokenId } = model.language;
      return {
        run: () => {
          const expansion = model.expandImage(SEVENTEEN_TILES, imageNeighbours(segments).get(0));
          return tokenizer.encodePrompt(segments, [expansion], { imageTokenId });
        },
      };
    },
  },
  {
    name: 'detokenizer/per-token',
    prepare: async ({ checkpoint }) => {
      const tokenizer = await loadTokenizer(checkpoint);
      const { ids } = encode(tokenizer, prose(4_000));
      const detokenizer = tokenizer.createDetokenizer();
      let next = 0;
      return { run: () => detokenizer.push(ids[next++ % ids.length] ?? 0) };
    },
  },
];

function tokenizerCase(name: string, length: number): MicroCase {
  return {
    name,
    prepare: async ({ checkpoint }) => {
      const tokenizer = await loadTokenizer(checkpoint);
      const text = prose(length);
      return { run: () => encode(tokenizer, text) };
    },
  };
}

function encode(tokenizer: Tokenizer, text: string) {
  return tokenizer.encodePrompt([{ kind: 'user', text }], [], { imageTokenId: -1 });
}

async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const read = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(join(folder, name), 'utf8'));
  return Tokenizer.load({
    tokenizer: await read('tokenizer.json'),
    tokenizerConfig: await read('tokenizer_config.json'),
  });
}

/** SmolVLM's template, placeholders and special tokens; its text is a token a byte. */
async function openSmolVlm(folder: string) {
  await writeSmallFiles(folder, SMOLVLM_256M);
  const checkpoint = await openCheckpoint(folder);
  const model = await describeModel(checkpoint);
  const template = ChatTemplate.load({
    imageToken: model.imageToken,
    tokenizerConfig: await checkpoint.readJson('tokenizer_config.json'),
    jinja: await checkpoint.readText('chat_template.jinja'),
  });
  return { model, template, tokenizer: await loadTokenizer(folder) };
}

const CONVERSATION: readonly ChatMessage[] = [
  {
    role: 'user',
    content: [{ type: 'image' }, { type: 'text', text: 'What do we see in this image?' }],
  },
];

/** A square image of 2,048 pixels. */
const SEVENTEEN_TILES = {
  sourceWidth: 2048,
  sourceHeight: 2048,
  processedWidth: 2048,
  processedHeight: 2048,
  rows: 4,
  columns: 4,
  tileTokens: Array<number>(17).fill(64),
};

const WORDS =
  'the two panels of a diptych are hinged, and what one shows the other tells; light falls from 3 windows onto ' +
  'a table with bread, fruit and a glass. Nobody has moved it since 1642! ';

function prose(length: number): string {
  return WORDS.repeat(Math.ceil(length / WORDS.length)).slice(0, length);
}
