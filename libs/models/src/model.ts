import type { Checkpoint } from '@diptych/checkpoint';
import type { ImageLayout, ImagePlan, Size, TileGrid } from '@diptych/image';
import type { WeightFormat } from '@diptych/onnx-graph';
import type { ImageNeighbours } from '@diptych/text';
import type { GenerationDefaults } from './generation-config.ts';
import type { Stage } from './stage.ts';

/** How one image is to be encoded. */
export interface PlanOptions {
  /** Whether to split it into tiles; `defaultSplit` where left out. */
  readonly split?: boolean | undefined;
}

/** What the vision stage needs to know. */
export interface VisionDescription {
  /** Width of a feature row: the language model's hidden size. */
  readonly hiddenSize: number;
  /** Rows that the vision graph yields for each tile, whatever the tile's size. */
  readonly rowsPerTile: number;
  /** Whether images are split when a request does not say. */
  readonly defaultSplit: boolean;
  /** A tile of the usual size, for warming up. */
  readonly warmUpTile: Size;
  /** The family's geometry; pure and cheap for sides up to 65535. */
  planImage(source: Size, options?: PlanOptions): ImagePlan;
  /**
   * Feature rows that each tile of an image cut like this brings to the prompt, in the order of the tiles.
   *
   * @throws DiptychError `embedding_invalid` for a grid that this model never makes.
   */
  countTokens(grid: TileGrid): readonly number[];
  /**
   * Which rows of the tiles' [tiles × rowsPerTile] become the image's features, in their order: as many as
   * `countTokens` says together. A row may be left out or taken more than once. All rows as they are where absent.
   */
  selectRows?(grid: TileGrid): Int32Array;
}

/** What the language stage needs to know. */
export interface LanguageDescription {
  readonly layers: number;
  /** Heads of the queries. */
  readonly heads: number;
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
   * The placeholder text of one image, which takes the image's place in the prompt. In some families it depends on what
   * stands `beside` the image there; nothing does where that is left out.
   *
   * @throws DiptychError `embedding_invalid` for a layout that contradicts itself.
   */
  expandImage(layout: ImageLayout, beside?: ImageNeighbours): string;
}

/** Where a stage's compiled graph lies. */
export interface CompiledGraph {
  /** Path of the ONNX file; its weights lie beside it. */
  readonly graphPath: string;
}

/** A checkpoint that was loaded. */
export interface Model extends ModelDescription {
  /** `org/name` for a repository of the hub, else the name of the checkpoint's folder. */
  readonly id: string;
  /** Hash of the checkpoint's contents: equal for both stages of one model. */
  readonly fingerprint: string;
  /** How the weights are stored; never `auto`. */
  readonly weights: WeightFormat;
  readonly checkpoint: Checkpoint;
}

/** A model with the compiled graphs of these stages. */
export type LoadedModel<S extends Stage = Stage> = Model & Readonly<Record<S, CompiledGraph>>;
