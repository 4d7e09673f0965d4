import { defaultHome } from '@diptych/checkpoint';
import { LanguageService } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import { Engine, OnnxDecoder } from '@diptych/generation';
import { type LoadedModel, loadModel, locateModel, type Model } from '@diptych/models';
import { RpcServer, type RunningService } from '@diptych/rpc';
import { type Logger, Stopwatch } from '@diptych/telemetry';
import type { Tokenizer } from '@diptych/text';
import { createCountTokens } from './count-tokens.ts';
import { createGenerate } from './generate.ts';
import { createGetModel } from './get-model.ts';
import { loadTokenizer } from './load-tokenizer.ts';
import { memoryNeeds } from './memory-needs.ts';
import { PromptReader } from './prompt-reader.ts';
import type { LmSettings } from './settings.ts';

/** Settings, and where to log. */
export interface LmServiceOptions extends LmSettings {
  readonly logger: Logger;
}

/** Tokens of a slot where nobody says: longer contexts of a model are rarely used and cost memory for each slot. */
const USUAL_CONTEXT = 8192;

/** Loads the model (compiling it where needed), warms the decoder up, and then starts to serve. */
export async function startLmService(options: LmServiceOptions): Promise<RunningService> {
  const { logger, slots } = options;
  const onProgress = (message: string) => logger.info({ progress: true }, message);
  const model = await loadModel({
    checkpointFolder: await locateModel(options.model, { onProgress }),
    home: options.home ?? defaultHome(),
    weights: options.weights,
    stages: ['language'],
    onProgress,
  });
  const tokenizer = await loadTokenizer(model.checkpoint, model.family);
  checkImageToken(model, tokenizer);
  const capacity = contextOf(options.context, model);
  logger.info(await memoryNeeds(model, slots, capacity), 'memory needs');
  const decoder = await loadDecoder(options, model, capacity);
  const engine = new Engine({ decoder, maxQueue: options.queue });
  const server = addHandlers(options, model, { tokenizer, engine, capacity });
  const { address } = await server.start();
  logger.info(
    {
      address,
      model: model.id,
      fingerprint: model.fingerprint,
      weights: model.weights,
      slots,
      context: capacity,
    },
    'serving',
  );
  return { address, stop: () => stop(server, engine, decoder, options) };
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

function contextOf(wanted: number | undefined, { language }: Model): number {
  const { maxContext } = language;
  if (wanted === undefined) return Math.min(maxContext, USUAL_CONTEXT);
  if (wanted <= maxContext) return wanted;
  throw new DiptychError(
    'configuration_invalid',
    `--context must be at most ${maxContext}, the context of this model, got ${wanted}`,
    { param: '--context' },
  );
}

async function loadDecoder(
  options: LmServiceOptions,
  model: LoadedModel<'language'>,
  capacity: number,
): Promise<OnnxDecoder> {
  const { threads, slots, logger } = options;
  const watch = new Stopwatch();
  const decoder = await OnnxDecoder.load({
    graphPath: model.language.graphPath,
    slots,
    capacity,
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

interface Parts {
  readonly tokenizer: Tokenizer;
  readonly engine: Engine;
  readonly capacity: number;
}

function addHandlers(
  options: LmServiceOptions,
  model: Model,
  { tokenizer, engine, capacity }: Parts,
): RpcServer {
  const prompts = new PromptReader({ model, tokenizer, capacity });
  const { unreadEvents, logger } = options;
  return new RpcServer({ address: options.listen, logger }).add(LanguageService, {
    generate: createGenerate({ model, tokenizer, prompts, engine, unreadEvents }),
    countTokens: createCountTokens(prompts),
    getModel: createGetModel(model, { capacity, slots: options.slots }),
  });
}

async function stop(
  server: RpcServer,
  engine: Engine,
  decoder: OnnxDecoder,
  options: LmServiceOptions,
): Promise<void> {
  await server.shutdown(options.graceSeconds * 1000);
  await engine.close();
  decoder[Symbol.dispose]();
}
