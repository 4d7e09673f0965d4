import { defaultHome } from '@diptych/checkpoint';
import type { LanguageService } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import { decoderThreads, Engine, OnnxDecoder } from '@diptych/generation';
import { type LoadedModel, loadModel, locateModel, type Model } from '@diptych/models';
import type { RpcHandlers } from '@diptych/rpc';
import { type Logger, Stopwatch } from '@diptych/telemetry';
import type { Tokenizer } from '@diptych/text';
import { availableMemory } from './available-memory.ts';
import { createCountTokens } from './count-tokens.ts';
import { createGenerate } from './generate.ts';
import { createGetModel } from './get-model.ts';
import { loadTokenizer } from './load-tokenizer.ts';
import { modelMemory } from './memory-needs.ts';
import { type MemoryPlan, planMemory } from './plan-memory.ts';
import { PromptReader } from './prompt-reader.ts';
import type { LmSettings } from './settings.ts';

/** What a language stage is made of; see settings.ts for each. */
export interface LanguageStageOptions
  extends Omit<LmSettings, 'listen' | 'graceSeconds' | 'logLevel' | 'speculate'> {
  readonly speculate?: number | undefined;
  readonly logger: Logger;
  /** Told in words what takes long: a download, a compile. */
  readonly onProgress: (message: string) => void;
}

/** A loaded language model behind the methods of its service, whoever calls them. */
export interface LanguageStage {
  readonly handlers: RpcHandlers<typeof LanguageService>;
  /** What is served, for the log. */
  readonly description: object;
  /** Ends running answers with `shutting_down`, waits for the step that runs, and frees the model. Once. */
  close(): Promise<void>;
}

/**
 * Loads the model (compiling it where needed) and warms the decoder up.
 *
 * @throws DiptychError `insufficient_memory` before weights are loaded that would not fit
 */
export async function loadLanguageStage(options: LanguageStageOptions): Promise<LanguageStage> {
  const { onProgress, unreadEvents } = options;
  const model = await loadModel({
    checkpointFolder: await locateModel(options.model, { onProgress }),
    home: options.home ?? defaultHome(),
    weights: options.weights,
    stages: ['language'],
    onProgress,
  });
  const tokenizer = await loadTokenizer(model.checkpoint, model.family);
  checkImageToken(model, tokenizer);
  const plan = await planFor(model, options);
  const { slots, context: capacity } = plan;
  const decoder = await loadDecoder(options, model, plan);
  const engine = new Engine({ decoder, maxQueue: options.queue, speculate: options.speculate ?? 0 });
  const prompts = new PromptReader({ model, tokenizer, capacity });
  const { id, fingerprint, weights } = model;
  return {
    handlers: {
      generate: createGenerate({ model, tokenizer, prompts, engine, unreadEvents }),
      countTokens: createCountTokens(prompts),
      getModel: createGetModel(model, { capacity, slots }),
    },
    description: { model: id, fingerprint, weights, slots, context: capacity },
    close: async () => {
      await engine.close();
      decoder[Symbol.dispose]();
    },
  };
}

/** With two ideas of the placeholder no position of a prompt would get an image's features, and nobody would notice. */
function checkImageToken({ imageToken, language: { imageTokenId } }: Model, tokenizer: Tokenizer): void {
  const id = tokenizer.tokenId(imageToken);
  if (id === imageTokenId) return;
  const found = id === undefined ? `has no ${imageToken}` : `gives ${imageToken} the id ${id}`;
  throw new DiptychError(
    'checkpoint_invalid',
    `config.json: image_token_id is ${imageTokenId}, but tokenizer.json ${found}; both must name the same token.`,
    { param: 'image_token_id' },
  );
}

async function planFor(model: LoadedModel<'language'>, options: LanguageStageOptions): Promise<MemoryPlan> {
  const availableBytes = await availableMemory();
  const plan = planMemory(await modelMemory(model), options, availableBytes);
  const { needs, arithmetic, slots, context } = plan;
  options.logger.info({ ...needs, availableBytes, slots, context }, `memory: ${arithmetic}`);
  return plan;
}

async function loadDecoder(
  options: LanguageStageOptions,
  model: LoadedModel<'language'>,
  { slots, context }: MemoryPlan,
): Promise<OnnxDecoder> {
  const { logger } = options;
  const threads = decoderThreads(options.threads, model.language.heads);
  const watch = new Stopwatch();
  const decoder = await OnnxDecoder.load({
    graphPath: model.language.graphPath,
    slots,
    capacity: context,
    // The stages share the cores of a small machine; a waiting decoder must not burn them.
    session: { intraOpThreads: threads, allowSpinning: false },
  });
  const loadMs = watch.lap();
  await warmUp(decoder);
  logger.info({ loadMs, warmUpMs: watch.lap(), threads }, 'decoder ready');
  return decoder;
}

/** One prompt and one step, so that the first request does not pay for first allocations. Nobody reuses the slot's contents. */
async function warmUp(decoder: OnnxDecoder): Promise<void> {
  const logits = new Float32Array(decoder.vocabSize);
  const images = { rows: new Float32Array(0), positions: new Int32Array(0) };
  await decoder.prefill({ slot: 0, past: 0, ids: Int32Array.of(0), images, logits });
  await decoder.decode([{ slot: 0, past: 1, id: 0 }], logits);
}
