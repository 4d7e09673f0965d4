import { type HubSettings, type PullOptions, pullModel } from '../index.ts';
import { HubServer } from './hub-server.ts';
import { float32, safetensors } from './safetensors-writer.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** Weights of 3 MiB: several chunks of a transfer. */
export const WEIGHTS = safetensors({
  w: float32(
    [786_432],
    Array.from({ length: 786_432 }, (_, i) => i % 97),
  ),
});

/** The files of a small checkpoint, with much around it that nobody needs. */
export const FILES: Readonly<Record<string, Uint8Array | string>> = {
  'config.json': '{"model_type":"idefics3"}',
  'tokenizer.json': '{"model":{}}',
  'tokenizer_config.json': '{"model":{}}',
  'chat_template.jinja': '{{ messages }}',
  'model.safetensors': WEIGHTS,
  'README.md': '# A model',
  '.gitattributes': '*.safetensors filter=lfs',
  'pytorch_model.bin': 'pickled',
  'model-q4.gguf': 'GGUF',
  'onnx/model.onnx': 'onnx',
  'original/params.json': '{}',
};

/** The same repository with its weights stored otherwise. */
export function filesWith(weights: Readonly<Record<string, Uint8Array | string>>) {
  const others = Object.entries(FILES).filter(([name]) => name !== 'model.safetensors');
  return { ...Object.fromEntries(others), ...weights };
}

/** Names of those that are needed. */
export const NEEDED = [
  ...['chat_template.jinja', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'],
];

/** A hub with one repository, `org/tiny`, and an empty cache. Released at the end of the scope. */
export class HubFixture implements AsyncDisposable {
  readonly hub: HubServer;
  readonly cache: TemporaryFolder;
  readonly commit: string;

  private constructor(hub: HubServer, cache: TemporaryFolder) {
    this.hub = hub;
    this.cache = cache;
    this.commit = hub.add('org/tiny', { files: FILES });
  }

  static async create(): Promise<HubFixture> {
    return new HubFixture(await HubServer.start(), await TemporaryFolder.create());
  }

  /** Settings for this hub and cache. */
  settings(changes: Partial<HubSettings> = {}): HubSettings {
    return {
      cacheFolder: this.cache.path,
      endpoint: this.hub.endpoint,
      token: undefined,
      offline: false,
      symlinks: true,
      answerTimeoutMs: 10_000,
      transferTimeoutMs: 10_000,
      ...changes,
    };
  }

  /** Pulls `org/tiny`, with waits between tries too short to notice. */
  pull(changes: Partial<PullOptions> = {}) {
    return pullModel({
      reference: { id: 'org/tiny', revision: 'main' },
      settings: this.settings(),
      retries: { maxFailures: 3, firstWaitMs: 1 },
      ...changes,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await this.cache[Symbol.asyncDispose]();
  }
}
