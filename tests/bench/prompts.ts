import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '@diptych/checkpoint';
import { describeModel, type ModelDescription } from '@diptych/models';
import { SAMPLES } from '@diptych/testing';
import { ChatTemplate, imageNeighbours, Tokenizer } from '@diptych/text';
import sharp from 'sharp';

/** A question in all the forms that whoever answers it takes. */
export interface Prompt {
  /** `messages` of the REST API. */
  readonly messages: readonly object[];
  /** The same as token ids, image tokens included. */
  readonly ids: readonly number[];
  readonly image: PromptImage | null;
}

/** The image of a prompt. */
export interface PromptImage {
  readonly path: string;
  readonly edge: number;
  readonly split: boolean;
}

/**
 * Makes prompts whose length is known to the token, no two alike, so that no cache of anybody answers for them. The
 * checkpoint's tokeniser is a stub with a token a byte, so that text is cut to any length.
 */
export class Prompts {
  readonly #model: ModelDescription;
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #folder: string;
  #made = 0;

  private constructor(parts: {
    readonly model: ModelDescription;
    readonly tokenizer: Tokenizer;
    readonly template: ChatTemplate;
    readonly folder: string;
  }) {
    this.#model = parts.model;
    this.#tokenizer = parts.tokenizer;
    this.#template = parts.template;
    this.#folder = parts.folder;
  }

  /** For a checkpoint's folder; images are written into `folder`. */
  static async of(checkpointFolder: string, folder: string): Promise<Prompts> {
    const checkpoint = await openCheckpoint(checkpointFolder);
    const model = await describeModel(checkpoint);
    const tokenizerConfig = await checkpoint.readJson('tokenizer_config.json');
    const tokenizer = Tokenizer.load({
      tokenizer: await checkpoint.readJson('tokenizer.json'),
      tokenizerConfig,
      modelType: model.family,
    });
    const jinja = await checkpoint.readText('chat_template.jinja');
    const template = ChatTemplate.load({ jinja, tokenizerConfig, imageToken: model.imageToken });
    await mkdir(folder, { recursive: true });
    return new Prompts({ model, tokenizer, template, folder });
  }

  /** A question of words without meaning that makes a prompt of exactly `tokens`. */
  text(tokens: number): Prompt {
    const overhead = this.#ids([textPart('')], null).length;
    assert.ok(tokens > overhead, `a prompt has at least ${overhead + 1} tokens`);
    const parts = [textPart(this.#words(tokens - overhead))];
    return { messages: [user(parts)], ids: this.#ids(parts, null), image: null };
  }

  /** A short question about a square image that nobody has seen. */
  async image(edge: number, { split }: { readonly split: boolean }): Promise<Prompt> {
    const path = join(this.#folder, `${edge}-${this.#made++}.jpg`);
    await drawImage(path, edge, this.#made);
    const image = { path, edge, split };
    const question = textPart('What is it?');
    const content = await imageContent(image);
    return {
      messages: [user([content, question])],
      ids: this.#ids([{ type: 'image' }, question], image),
      image,
    };
  }

  /** The text of tokens that somebody else has chosen. */
  textOf(ids: readonly number[]): string {
    return Buffer.concat(ids.map((id) => this.#tokenizer.tokenBytes(id))).toString();
  }

  #ids(content: readonly TemplatePart[], image: PromptImage | null): number[] {
    const segments = this.#template.render([{ role: 'user', content }]);
    const expansion = image && this.#model.expandImage(this.#layout(image), imageNeighbours(segments).get(0));
    const { imageTokenId } = this.#model.language;
    return [...this.#tokenizer.encodePrompt(segments, expansion ? [expansion] : [], { imageTokenId }).ids];
  }

  #layout({ edge, split }: PromptImage) {
    const { vision } = this.#model;
    const { rows, columns, processed } = vision.planImage({ width: edge, height: edge }, { split });
    const grid = {
      sourceWidth: edge,
      sourceHeight: edge,
      processedWidth: processed.width,
      processedHeight: processed.height,
      rows,
      columns,
    };
    return { ...grid, tileTokens: [...vision.countTokens(grid)] };
  }

  /** Letters of a linear congruential sequence (Numerical Recipes' constants), another one each time. */
  #words(length: number): string {
    let state = this.#made++ * 7919 + 1;
    const letter = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return String.fromCharCode(97 + ((state >>> 24) % 26));
    };
    return Array.from({ length }, letter).join('');
  }
}

type TemplatePart = { readonly type: 'image' } | { readonly type: 'text'; readonly text: string };

/** `messages` that go on after a first question and its answer. */
export function nextTurn({ messages }: Prompt, answer: string, question: string): readonly object[] {
  return [...messages, { role: 'assistant', content: answer }, user([textPart(question)])];
}

function textPart(text: string) {
  return { type: 'text', text } as const;
}

function user(content: readonly object[]) {
  return { role: 'user', content };
}

async function imageContent({ path, split }: PromptImage) {
  const url = `data:image/jpeg;base64,${(await readFile(path)).toString('base64')}`;
  return { type: 'image_url', image_url: { url, detail: split ? 'high' : 'low' } };
}

/** A sample picture with a stripe of a colour that belongs to `number`. */
async function drawImage(path: string, edge: number, number: number): Promise<void> {
  const background = { r: (number * 37) % 256, g: (number * 101) % 256, b: (number * 59) % 256 };
  const stripe = { create: { width: edge, height: Math.ceil(edge / 16), channels: 3 as const, background } };
  const jpeg = await sharp(join(SAMPLES, 'two-cats.png'))
    .resize({ width: edge, height: edge, fit: 'fill' })
    .removeAlpha()
    .composite([{ input: stripe, top: 0, left: 0 }])
    .jpeg()
    .toBuffer();
  await writeFile(path, jpeg);
}
