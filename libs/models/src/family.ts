import type { Checkpoint } from '@diptych/checkpoint';
import type { GraphBuilder, WeightFormat } from '@diptych/onnx-graph';
import type { ModelDescription } from './model.ts';

/** A model family: how its checkpoints are read and compiled. */
export interface Family {
  /** Name in errors and in `GetModel`. */
  readonly name: string;
  /** Values of `model_type` in config.json that mean this family, aliases among them. */
  readonly modelTypes: readonly string[];
  /**
   * Reads the checkpoint's small files.
   *
   * @throws DiptychError `checkpoint_invalid` or `checkpoint_file_missing`, naming file and field.
   */
  open(checkpoint: Checkpoint): Promise<FamilyModel>;
}

/** A checkpoint of a family, ready to be compiled. */
export interface FamilyModel extends Omit<ModelDescription, 'family'> {
  /**
   * Graph of the vision stage: `pixel_values` float32 [tiles, 3, height, width] -> `image_features` float32
   * [tiles, rowsPerTile, hidden]. Height and width may be symbolic. A tile's features never depend on another tile of
   * the run. Reads weights only when it is saved.
   */
  visionGraph(weights: WeightFormat): GraphBuilder;
  /** Graph of the language stage, with the inputs of `languageInputs`. Reads weights only when it is saved. */
  languageGraph(weights: WeightFormat): GraphBuilder;
}
