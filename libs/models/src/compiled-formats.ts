import { FileHashes, isCompiled, openCheckpoint } from '@diptych/checkpoint';
import { WEIGHT_FORMATS, type WeightFormat } from '@diptych/onnx-graph';
import { STAGES, type Stage } from './stage.ts';

/** Raised whenever the graphs that are written change: compiled models of another version are not used. */
export const COMPILER_VERSION = 4;

/**
 * What a stage is stored in. Four bits serve decoding, which reads every weight for a few rows; the product of many
 * rows, which is all that a vision stage does, takes three times as long with them as with bytes.
 */
export function stageFormat(stage: Stage, weights: WeightFormat): WeightFormat {
  return stage === 'vision' && weights === 'int4' ? 'int8' : weights;
}

/**
 * The formats in which both stages of a checkpoint are compiled already. None where its large files would have to be
 * read to tell: a checkpoint that was compiled here has its sums remembered.
 *
 * @throws DiptychError as `loadModel`, where the checkpoint's files cannot be read.
 */
export async function compiledFormats(options: {
  readonly checkpointFolder: string;
  readonly home: string;
}): Promise<WeightFormat[]> {
  const { home } = options;
  const checkpoint = await openCheckpoint(options.checkpointFolder);
  const hashes = new FileHashes({ home });
  if (!(await checkpoint.isFingerprintKnown(hashes))) return [];
  const known = {
    home,
    fingerprint: await checkpoint.fingerprint(hashes),
    compilerVersion: COMPILER_VERSION,
  };
  const isWhole = async (format: WeightFormat) => {
    const stages = STAGES.map((stage) =>
      isCompiled({ ...known, stage, weights: stageFormat(stage, format) }),
    );
    return (await Promise.all(stages)).every(Boolean);
  };
  const whole = await Promise.all(WEIGHT_FORMATS.map(isWhole));
  return WEIGHT_FORMATS.filter((_, index) => whole[index]);
}
