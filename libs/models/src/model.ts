import type { Checkpoint } from '@diptych/checkpoint';
import type { ImageLayout, ImagePlan, Size } from '@diptych/image';
import type { WeightFormat } from '@diptych/onnx-graph';
import type { GenerationDefaults } from './generation-config.ts';

/** How one image is to be encoded. */
export interface PlanOptions {
  /** Whether to split it into tiles; `defaultSplit` where left out. */
  readonly split?: boolean | undefined;
}

/** What the vision stage needs to know. */
export interface VisionDescription {
  /** Width of a feature row: the language model's hidden size. */
  readonly hiddenSize: number;
  /** Feature rows of each tile. */
  readonly tokensPerTile: number;
  /** Edge of a tile in pixels. */
  readonly tileSize: number;
  /** Whether images are split when a request does not say. */
  readonly defaultSplit: boolean;
  /** The family's geometry; pure and cheap. */
  planImage(source: Size, options?: PlanOptions): ImagePlan;
}

/** What the language stage needs to know. */
export interface LanguageDescription {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Most tokens of prompt and answer together. */
  readonly maxContext: number;
  /** Tokens that end an answer. */
  readonly eosTokenIds: readonly number[];
  /** The placeholder whose embedding a feature row replaces. */
  readonly imageTokenId: number;
  readonly generationDefaults: GenerationDefaults;
}

/** A checkpoint as its small files describe it, without its weights. */
export interface ModelDescription {
  /** Name of the family, also where the checkpoint uses an alias. */
  readonly family: string;
  readonly vision: VisionDescription;
  readonly language: LanguageDescription;
  /** What the family's chat templates write in place of an image, for example `<image>`. */
  readonly imageToken: string;
  /**
   * The placeholder text of one image, which takes the image's place in the prompt.
   *
   * @throws DiptychError `embedding_invalid` for a layout that contradicts itself.
   */
  expandImage(layout: ImageLayout): string;
}

/** Where a stage's compiled graph lies. */
export interface CompiledGraph {
  /** Path of the ONNX file; its weights lie beside it. */
  readonly graphPath: string;
}

/** A checkpoint, described and compiled. */
export interface Model extends ModelDescription {
  /** Name of the checkpoint's folder. */
  readonly id: string;
  /** Hash of the checkpoint's contents: equal for both stages of one model. */
  readonly fingerprint: string;
  readonly weights: WeightFormat;
  /** Folder of the compiled graphs. */
  readonly folder: string;
  readonly checkpoint: Checkpoint;
  readonly vision: VisionDescription & CompiledGraph;
  readonly language: LanguageDescription & CompiledGraph;
}
