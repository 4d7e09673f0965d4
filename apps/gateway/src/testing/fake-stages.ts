import { setImmediate as nextTurn } from 'node:timers/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type CountTokensRequest,
  type EncodeImageRequest,
  FinishReason,
  type GenerateRequest,
  type GenerateResponseSchema,
  type ImageEmbedding,
  ImageEmbeddingSchema,
  LanguageService,
  VisionService,
} from '@diptych/contract';
import { type CallContext, RpcServer } from '@diptych/rpc';

/** Fingerprint of the model that the fakes serve. */
export const FINGERPRINT = 'f00dcafe'.repeat(8);

/** What a fake language service sends. */
export type GenerationEvents = MessageInitShape<typeof GenerateResponseSchema>;

/** What a fake stage does; each part may be replaced. */
export interface FakeStages {
  encode?: (request: EncodeImageRequest, call: CallContext) => Promise<ImageEmbedding>;
  generate?: (request: GenerateRequest, call: CallContext) => AsyncIterable<GenerationEvents>;
  countTokens?: (request: CountTokensRequest, call: CallContext) => number;
  visionFingerprint?: string;
}

/** Two stages on free ports that keep what they were asked. */
export interface RunningStages extends AsyncDisposable {
  readonly vision: string;
  readonly language: string;
  readonly encoded: EncodeImageRequest[];
  readonly generated: GenerateRequest[];
  stopVision(): Promise<void>;
  stopLanguage(): Promise<void>;
}

/** Starts real gRPC servers with fake models behind them. */
export async function startStages(fake: FakeStages = {}): Promise<RunningStages> {
  const encoded: EncodeImageRequest[] = [];
  const generated: GenerateRequest[] = [];
  const vision = new RpcServer({ address: '127.0.0.1:0' });
  vision.add(VisionService, {
    encodeImage: async (request, call) => {
      encoded.push(request);
      const embedding = await (fake.encode ?? embed)(request, call);
      return { embedding, timings: { decodeResizeMs: 3, queueMs: 1, encodeMs: 20 }, cacheHit: false };
    },
    getModel: () => {
      const limits = { maxImageBytes: 1000n, maxImagePixels: 9n };
      return Promise.resolve({
        model: { id: 'fake', fingerprint: fake.visionFingerprint ?? FINGERPRINT, limits },
      });
    },
  });
  const language = new RpcServer({ address: '127.0.0.1:0' });
  language.add(LanguageService, {
    generate: (request, call) => {
      generated.push(request);
      return (fake.generate ?? (() => say('A', ' bee', '.')))(request, call);
    },
    countTokens: (request, call) =>
      Promise.resolve({ promptTokens: fake.countTokens?.(request, call) ?? 7, imageTokens: 4 }),
    getModel: () => {
      const limits = { maxContextTokens: 64, hiddenSize: 2 };
      return Promise.resolve({ model: { id: 'fake', fingerprint: FINGERPRINT, limits } });
    },
  });
  const [eye, mouth] = await Promise.all([vision.start(), language.start()]);
  const stopVision = () => vision.shutdown(0);
  const stopLanguage = () => language.shutdown(0);
  return {
    vision: eye.address,
    language: mouth.address,
    encoded,
    generated,
    stopVision,
    stopLanguage,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([stopVision(), stopLanguage()]);
    },
  };
}

/** An embedding whose digest is the image itself, so that specs can tell which is which. */
function embed({ image }: EncodeImageRequest): Promise<ImageEmbedding> {
  const layout = { sourceWidth: 2, sourceHeight: 2, tileTokens: [4] };
  return Promise.resolve(
    create(ImageEmbeddingSchema, { digest: image, modelFingerprint: FINGERPRINT, layout }),
  );
}

/** The events of an answer that is these pieces of text, one token each. */
export async function* say(...pieces: string[]): AsyncGenerator<GenerationEvents> {
  yield admitted();
  for (const [index, text] of pieces.entries()) {
    await nextTurn();
    yield delta(text, index);
  }
  yield finished(pieces.length);
}

/** The event that begins an answer. */
export function admitted(): GenerationEvents {
  return { event: { case: 'admitted', value: { promptTokens: 11, imageTokens: 4, seed: 5n } } };
}

/** An event of one token. */
export function delta(text: string, id = 0): GenerationEvents {
  return { event: { case: 'delta', value: { text, tokenIds: [id] } } };
}

/** The event that ends an answer. */
export function finished(completionTokens: number, reason = FinishReason.STOP): GenerationEvents {
  const usage = { promptTokens: 11, completionTokens, imageTokens: 4, cachedTokens: 2 };
  return {
    event: { case: 'finished', value: { reason, usage, timings: { queueMs: 1, prefillMs: 5, decodeMs: 9 } } },
  };
}
